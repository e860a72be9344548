//! Proofs that an address reaches its user: a mail carries a code, also as part of a link, and whoever has it confirms.
//! Nothing that was asked for is done before that. All flows by mail are made of this one mechanism.
//!
//! A code is computed from its proof's id under the root secret, and stored nowhere: asking again repeats the same code,
//! and a copy of the database holds none. The same goes for the flow's secret, which only the client that asked has:
//! a session is begun for that client only, wherever the mail is read.

mod code;
mod purpose;
mod store;

pub use self::{
    code::Code,
    purpose::{Purpose, UnknownPurpose},
    store::{MAX_TRIES, Proof, ProofStore, Spending, Try},
};

use super::{
    Client, Language, Unavailable,
    accounts::{EmailAddress, Epoch},
    mail::{Links, Mail, MailKind, Params, SealedMail},
    secrets::KeyRing,
    throttling::{
        limits::Exceeded,
        mail_budget::{MailBudget, Wanted},
    },
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::{
    clock::{Clock, Timestamp},
    ids::{ProofId, UserId},
};
use std::{sync::Arc, time::Duration};
use zeroize::Zeroizing;

/// When to ask for a mail again that the budget did not allow.
const PATIENCE: Duration = Duration::from_secs(60);

/// A proof that a client has asked for.
pub struct Flow {
    /// The proof's public id.
    pub id: ProofId,
    /// Shows later that a request comes from the same client.
    pub secret: FlowSecret,
    /// How long the code is good.
    pub expires_in: Duration,
}

/// The secret of a flow. Has no `Debug`, and is wiped when dropped.
#[derive(Clone, Deserialize)]
pub struct FlowSecret(Zeroizing<String>);

impl FlowSecret {
    /// What a client sent, genuine or not.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Why no mail was asked for.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Too many from the client's address.
    #[error("too many requests")]
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// A store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<Exceeded> for AskError {
    fn from(Exceeded { retry_after }: Exceeded) -> Self {
        Self::TooMany { retry_after }
    }
}

/// Why a code was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// It is another code.
    #[error("the code is wrong")]
    Wrong {
        /// How many tries are left.
        left: u32,
    },
    /// The code was used, or tried too often, or what it was for has changed.
    #[error("the code was used already, or tried too often")]
    Spent,
    /// The code has expired, or never existed.
    #[error("the code has expired")]
    Expired,
    /// The code is good only for the client that asked for it. It is not used up.
    #[error("the code is for the client that asked for it")]
    OtherClient,
    /// A store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A proof whose code has come.
pub struct Confirmed {
    /// The proof.
    pub proof: Proof,
    /// Whether the client that asked for the proof has brought the code.
    pub is_asker: bool,
}

/// Asks for proofs, and checks their codes.
pub struct Proofs {
    store: Arc<dyn ProofStore>,
    secrets: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    letters: Letters,
}

/// How the mails of proofs are written.
pub struct Letters {
    /// Where their links lead.
    pub links: Links,
    /// How many are sent.
    pub budget: MailBudget,
    /// The language, if the client does not name one of those that there are.
    pub language: Language,
}

impl Proofs {
    /// Proofs of this store, with codes under these secrets.
    #[must_use]
    pub fn new(store: Arc<dyn ProofStore>, secrets: Arc<KeyRing>, clock: Arc<dyn Clock>, letters: Letters) -> Self {
        Self { store, secrets, clock, letters }
    }

    /// A new proof.
    #[must_use]
    pub fn about(&self, purpose: Purpose, sub: Option<UserId>, address: EmailAddress, epoch: Epoch) -> Proof {
        let expires_at = self.now().plus(purpose.lifetime());
        Proof { id: ProofId::fresh(), purpose, sub, address, epoch, payload: None, expires_at }
    }

    /// The proof with what is to be done once its code comes, sealed.
    ///
    /// # Panics
    /// If it has no form in JSON, or the operating system provides no randomness.
    #[must_use]
    pub fn sealed(&self, proof: Proof, payload: &impl Serialize) -> Proof {
        let payload = Zeroizing::new(serde_json::to_vec(payload).expect("it has a form in JSON"));
        Proof { payload: Some(self.secrets.seal(&label(proof.id), &payload)), ..proof }
    }

    /// What is to be done now that the code has come. `None`: there is nothing, or it was sealed with another secret.
    #[must_use]
    pub fn payload<T: DeserializeOwned>(&self, proof: &Proof) -> Option<T> {
        let payload = self.secrets.open(&label(proof.id), proof.payload.as_ref()?).ok()?;
        serde_json::from_slice(&payload).ok()
    }

    /// Keeps a proof, and sends its code by mail unless the budget is used up. Without `is_sent`, everything is done but
    /// the mail: the time must not reveal whether there is somebody to write to.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn ask(&self, proof: &Proof, kind: MailKind, is_sent: bool, client: &Client) -> Result<(), Unavailable> {
        let wanted = Wanted { kind, to: &proof.address, by: Some(client), is_sent };
        let is_allowed = self.letters.budget.allows(&wanted).await?;
        let mail = self.letter(proof, kind, client.language);
        self.store.ask(proof, &mail, is_sent && is_allowed, self.now()).await
    }

    /// Whether an admin may send a mail of this kind to an address: unlike others, an admin may know what was asked for.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn admit(&self, kind: MailKind, to: &EmailAddress) -> Result<(), AskError> {
        let is_allowed = self.letters.budget.allows(&Wanted { kind, to, by: None, is_sent: true }).await?;
        if is_allowed { Ok(()) } else { Err(AskError::TooMany { retry_after: PATIENCE }) }
    }

    /// The mail that carries the code of a proof.
    #[must_use]
    pub fn letter(&self, proof: &Proof, kind: MailKind, language: Option<Language>) -> SealedMail {
        let link = match kind {
            MailKind::AlreadyRegistered => Zeroizing::new(self.letters.links.forgot()),
            _ => self.link(proof),
        };
        let mail = Mail {
            kind,
            to: proof.address.clone(),
            language: language.unwrap_or(self.letters.language),
            expires_at: proof.expires_at,
            params: Params::default().with("code", self.code(proof).expose().as_str()).with("link", link.as_str()),
        };
        SealedMail::of(mail, &self.secrets, self.now())
    }

    /// The link that carries the code of a proof.
    #[must_use]
    pub fn link(&self, proof: &Proof) -> Zeroizing<String> {
        self.letters.links.confirming(proof.id, &self.code(proof).expose(), proof.purpose.name())
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &dyn ProofStore {
        &*self.store
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The flow of a proof, for the client that asks for it.
    #[must_use]
    pub fn flow(&self, proof: &Proof) -> Flow {
        Flow {
            id: proof.id,
            secret: FlowSecret::new(self.secrets.flow_secret(&proof.id.to_string())),
            expires_in: proof.expires_at.since(self.now()),
        }
    }

    /// The code of a proof, for its mail.
    fn code(&self, proof: &Proof) -> Code {
        Code::from_bits(self.secrets.code(&named(proof)))
    }

    /// The proof that this client is waiting for, if it asked for the same before: the code of the earlier mail stays good.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn waiting(
        &self,
        flow: Option<(ProofId, &FlowSecret)>,
        purpose: Purpose,
        address: &EmailAddress,
    ) -> Result<Option<Proof>, Unavailable> {
        let Some((id, secret)) = flow else { return Ok(None) };
        if !self.is_flow_secret(id, secret) {
            return Ok(None);
        }
        let waiting = self.store.unspent(id, self.now()).await?;
        Ok(waiting.filter(|proof| proof.purpose == purpose && proof.address == *address))
    }

    /// Checks a code for one of these purposes. Each wrong one is counted, and after [`MAX_TRIES`] the right one is no longer
    /// accepted either.
    ///
    /// # Errors
    /// [`CodeError`].
    pub async fn check(
        &self,
        id: ProofId,
        code: &str,
        secret: Option<&FlowSecret>,
        purposes: &[Purpose],
    ) -> Result<Confirmed, CodeError> {
        let (proof, left) = match self.store.count_try(id, self.now()).await? {
            Try::Counted { proof, left } => (proof, left),
            Try::Spent => return Err(CodeError::Spent),
            Try::Expired => return Err(CodeError::Expired),
        };
        let is_asker = secret.is_some_and(|secret| self.is_flow_secret(id, secret));
        if purposes.contains(&proof.purpose) && proof.purpose.is_for_the_asker_only() && !is_asker {
            self.store.take_back_try(id).await?;
            return Err(CodeError::OtherClient);
        }
        let is_right = |code: Code| self.secrets.is_code(&named(&proof), code.bits());
        if !purposes.contains(&proof.purpose) || !Code::parse(code).is_some_and(is_right) {
            return Err(if left > 0 { CodeError::Wrong { left } } else { CodeError::Spent });
        }
        self.store.take_back_try(id).await?;
        Ok(Confirmed { proof, is_asker })
    }

    fn is_flow_secret(&self, id: ProofId, secret: &FlowSecret) -> bool {
        self.secrets.is_flow_secret(&id.to_string(), secret.expose())
    }
}

fn label(id: ProofId) -> String {
    format!("proof {id}")
}

/// What a code is computed from: the same code is good for nothing else.
fn named(proof: &Proof) -> String {
    let (sub, address) = (proof.sub.map(|sub| sub.to_string()).unwrap_or_default(), &proof.address);
    format!("{} {} {sub} {} {address}", proof.id, proof.purpose, proof.epoch.0)
}
