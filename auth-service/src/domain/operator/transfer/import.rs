//! Writes users in batches. What is there already is recognised, so that an import that was interrupted is run again.

use super::{
    check::{Candidate, KnownBy},
    format::Refusal,
};
use crate::domain::{
    Unavailable,
    accounts::{
        roles::Roles,
        transfer::{Arrival, Holder, Transfer},
    },
    audit::{Action, Audit},
    keys::hash_facts::HashFacts,
    passwords::{
        PasswordHash,
        pool::{Hasher, NotComputed},
    },
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use shared::{
    clock::Clock,
    ids::{EventId, UserId},
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

/// What becomes of a user who is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// Stays as it is.
    Skip,
    /// Gets what the file says, except for a password.
    Update,
    /// Ends the import.
    Fail,
}

/// Why a batch was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A user is there already, and the import is to end then.
    #[error("entry {number}: {reason}")]
    Conflict {
        /// Which entry of the file.
        number: u64,
        /// What it conflicts with.
        reason: Refusal,
    },
    /// A weak hash could not be wrapped.
    #[error(transparent)]
    NotComputed(#[from] NotComputed),
    /// The store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// How many users an import has met, by what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// New users.
    pub created: u64,
    /// Users who got what the file says.
    pub updated: u64,
    /// Users who were there already.
    pub skipped: u64,
    /// Users who were refused.
    pub refused: u64,
    /// The created ones by the kinds of their hashes.
    pub kinds: BTreeMap<String, u64>,
}

impl Tally {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.created + self.updated + self.skipped + self.refused
    }

    fn add(&mut self, other: &Self) {
        self.created += other.created;
        self.updated += other.updated;
        self.skipped += other.skipped;
        self.refused += other.refused;
        for (kind, count) in &other.kinds {
            *self.kinds.entry(kind.clone()).or_default() += count;
        }
    }
}

/// A checked entry of the file.
pub type Checked = (u64, Result<Candidate, Refusal>);

/// An import.
pub struct Import {
    means: Means,
    /// Kinds of hashes, and ids of secret keys, that are noted in the database.
    noted: HashSet<String>,
    source: String,
    on_conflict: OnConflict,
    /// Dry: what the addresses so far hash to, so that one that comes twice is found.
    rehearsal: Option<HashSet<u64>>,
    run: EventId,
    batches: u64,
    tally: Tally,
}

/// What an import needs.
pub struct Means {
    /// The users.
    pub store: Arc<dyn Transfer>,
    /// Where new kinds of hashes are noted.
    pub facts: HashFacts,
    /// The audit log.
    pub audit: Arc<Audit>,
    /// Wraps weak hashes.
    pub hasher: Arc<Hasher>,
    /// On how many threads.
    pub threads: usize,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The roles that exist.
    pub roles: Arc<Roles>,
}

impl Import {
    /// An import from `source` that writes nothing unless `apply`.
    #[must_use]
    pub fn new(means: Means, source: String, on_conflict: OnConflict, apply: bool) -> Self {
        let rehearsal = (!apply).then(HashSet::new);
        let (run, batches, tally) = (EventId::fresh(), 0, Tally::default());
        Self { means, noted: HashSet::new(), source, on_conflict, rehearsal, run, batches, tally }
    }

    /// What has become of the users so far.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Imports a batch; returns the refused entries in their order.
    ///
    /// # Errors
    /// [`ImportError`]: nothing of the batch was written, unless the store failed while it was updating.
    pub async fn batch(&mut self, entries: Vec<Checked>) -> Result<Vec<(u64, Refusal)>, ImportError> {
        let mut batch = Batch::default();
        for (number, entry) in entries {
            match entry {
                Ok(candidate) => batch.candidates.push((number, candidate)),
                Err(refusal) => batch.refused.push((number, refusal)),
            }
        }
        if self.rehearsal.is_some() {
            self.rehearse(&mut batch).await?;
        } else {
            self.carry_out(&mut batch).await?;
        }
        batch.tally.refused = batch.refused.len() as u64;
        self.tally.add(&batch.tally);
        self.batches += 1;
        if self.rehearsal.is_none() {
            self.record(&batch.tally, Some(self.batches)).await;
        }
        batch.refused.sort_by_key(|(number, _)| *number);
        Ok(batch.refused)
    }

    /// Records the end of the import.
    pub async fn finish(&self) {
        if self.rehearsal.is_none() {
            self.record(&self.tally, None).await;
        }
    }

    async fn record(&self, tally: &Tally, batch: Option<u64>) {
        let mut event =
            self.means.audit.event(Action::UsersImport).on_command_line().with("source", self.source.clone());
        event = event.with("run", json!(self.run)).with("created", tally.created).with("updated", tally.updated);
        event = event.with("skipped", tally.skipped).with("refused", tally.refused);
        if let Some(batch) = batch {
            event = event.with("batch", batch);
        }
        self.means.audit.record(event).await;
    }

    /// First adds everybody, then looks at those who were not added: usually nobody.
    async fn carry_out(&mut self, batch: &mut Batch) -> Result<(), ImportError> {
        if self.on_conflict == OnConflict::Fail {
            let holders = Holders::of(&*self.means.store, &batch.candidates).await?;
            if let Some((number, reason)) = holders.first_conflict(&batch.candidates) {
                return Err(ImportError::Conflict { number, reason });
            }
        }
        self.wrap_weak(batch).await?;
        self.note_keys(batch).await?;
        self.note_kinds(batch).await?;
        let users: Vec<Arrival> = batch.candidates.iter().map(|(_, candidate)| candidate.user.clone()).collect();
        let added = self.means.store.add_all(&users, self.means.clock.now()).await?;
        let (new, others): (Vec<_>, Vec<_>) =
            batch.candidates.drain(..).partition(|(_, candidate)| added.contains(&candidate.user.id));
        batch.count_new(&new);
        if others.is_empty() {
            return Ok(());
        }
        let holders = Holders::of(&*self.means.store, &others).await?;
        let mut updates = Vec::new();
        for (number, candidate) in others {
            match holders.same_as(&candidate) {
                Ok(Some(_)) if self.on_conflict != OnConflict::Update => batch.tally.skipped += 1,
                Ok(Some(holder)) if self.means.roles.govern(&holder.roles) => batch.refused.push((number, governs())),
                Ok(Some(holder)) => updates.push((holder.id, candidate.user)),
                Ok(None) => {
                    batch.refused.push((number, Refusal::of("the user was created or deleted meanwhile: run it again")))
                }
                Err(refusal) => batch.refused.push((number, refusal)),
            }
        }
        batch.tally.updated += updates.len() as u64;
        self.means.store.overwrite_all(&updates, self.means.clock.now()).await?;
        Ok(())
    }

    /// Whoever is there already is not wrapped again, which would take as long as the first time.
    async fn wrap_weak(&self, batch: &mut Batch) -> Result<(), ImportError> {
        if batch.candidates.iter().all(|(_, candidate)| candidate.weak.is_none()) {
            return Ok(());
        }
        if self.on_conflict == OnConflict::Skip {
            let holders = Holders::of(&*self.means.store, &batch.candidates).await?;
            for (number, candidate) in std::mem::take(&mut batch.candidates) {
                match holders.same_as(&candidate) {
                    Ok(None) => batch.candidates.push((number, candidate)),
                    Ok(Some(_)) => batch.tally.skipped += 1,
                    Err(refusal) => batch.refused.push((number, refusal)),
                }
            }
        }
        let weak = batch.candidates.iter_mut().filter_map(|(_, candidate)| {
            let weak = candidate.weak.take()?;
            Some(async move {
                candidate.user.hash = self.means.hasher.wrap(weak).await?;
                Ok(())
            })
        });
        let wrapped: Result<(), NotComputed> =
            stream::iter(weak).buffer_unordered(self.means.threads).try_collect().await;
        Ok(wrapped?)
    }

    /// Before the hashes are stored: nobody could log in without the keys.
    async fn note_keys(&mut self, batch: &Batch) -> Result<(), Unavailable> {
        for key in batch.candidates.iter().filter_map(|(_, candidate)| candidate.signer_key.as_ref()) {
            let id = key.id();
            if !self.noted.contains(&id) {
                self.means.facts.add_signer_key(key).await?;
                self.noted.insert(id);
            }
        }
        Ok(())
    }

    /// Before the hashes are stored, so that a failed login takes as long as the most expensive one of them from the
    /// moment when it is there.
    async fn note_kinds(&mut self, batch: &Batch) -> Result<(), Unavailable> {
        let hashes = batch.candidates.iter().map(|(_, candidate)| &candidate.user.hash);
        let kinds: HashMap<String, PasswordHash> = hashes
            .filter_map(|hash| self.means.hasher.specimen(hash))
            .map(|specimen| (specimen.0.clone(), specimen))
            .filter(|(text, _)| !self.noted.contains(text))
            .collect();
        if !kinds.is_empty() {
            self.means.facts.add_kinds(&kinds.values().cloned().collect::<Vec<_>>()).await?;
            self.noted.extend(kinds.into_keys());
        }
        Ok(())
    }

    async fn rehearse(&mut self, batch: &mut Batch) -> Result<(), ImportError> {
        let holders = Holders::of(&*self.means.store, &batch.candidates).await?;
        let seen = self.rehearsal.get_or_insert_default();
        let mut new = Vec::new();
        for (number, candidate) in batch.candidates.drain(..) {
            let mut hasher = DefaultHasher::new();
            candidate.user.email.as_str().hash(&mut hasher);
            let is_first = seen.insert(hasher.finish());
            match holders.same_as(&candidate) {
                Ok(Some(holder))
                    if self.on_conflict == OnConflict::Update && self.means.roles.govern(&holder.roles) =>
                {
                    batch.refused.push((number, governs()));
                }
                Ok(Some(_)) if self.on_conflict == OnConflict::Update => batch.tally.updated += 1,
                Ok(Some(_)) if self.on_conflict == OnConflict::Skip => batch.tally.skipped += 1,
                Ok(Some(_)) => batch.refused.push((number, Refusal::of("the user is there already"))),
                Ok(None) if !is_first => batch.refused.push((number, Refusal::of("email: it comes twice in the file"))),
                Ok(None) => new.push((number, candidate)),
                Err(refusal) => batch.refused.push((number, refusal)),
            }
        }
        batch.count_new(&new);
        Ok(())
    }
}

fn governs() -> Refusal {
    Refusal::of("the user may make others an admin, and is not changed by an import")
}

#[derive(Default)]
struct Batch {
    candidates: Vec<(u64, Candidate)>,
    refused: Vec<(u64, Refusal)>,
    tally: Tally,
}

impl Batch {
    fn count_new(&mut self, new: &[(u64, Candidate)]) {
        self.tally.created += new.len() as u64;
        for (_, candidate) in new {
            *self.tally.kinds.entry(candidate.kind.clone()).or_default() += 1;
        }
    }
}

/// Those who have an id or an address of a batch.
struct Holders {
    by_id: HashMap<UserId, Holder>,
    by_external: HashMap<(String, String), UserId>,
    by_email: HashMap<String, UserId>,
}

impl Holders {
    async fn of(store: &dyn Transfer, candidates: &[(u64, Candidate)]) -> Result<Self, Unavailable> {
        let users: Vec<Arrival> = candidates.iter().map(|(_, candidate)| candidate.user.clone()).collect();
        let holders = store.holders_of(&users).await?;
        let external = holders.iter().filter_map(|holder| {
            holder.external.as_ref().map(|known| ((known.source.clone(), known.id.clone()), holder.id))
        });
        Ok(Self {
            by_external: external.collect(),
            by_email: holders.iter().map(|holder| (holder.email.clone(), holder.id)).collect(),
            by_id: holders.into_iter().map(|holder| (holder.id, holder)).collect(),
        })
    }

    /// The same user, if there already; an error, if another user is in the way.
    fn same_as(&self, candidate: &Candidate) -> Result<Option<&Holder>, Refusal> {
        let user = &candidate.user;
        let of_external =
            user.external.as_ref().and_then(|known| self.by_external.get(&(known.source.clone(), known.id.clone())));
        let of_email = self.by_email.get(user.email.as_str());
        let same = match candidate.known_by {
            KnownBy::Id => self.by_id.get(&user.id),
            KnownBy::ExternalId => of_external.and_then(|id| self.by_id.get(id)),
            KnownBy::Email => of_email.and_then(|id| self.by_id.get(id)),
        };
        let is_another = |id: Option<&UserId>| id.filter(|id| same.is_none_or(|same| same.id != **id)).copied();
        if let Some(id) = is_another(of_email) {
            return Err(Refusal(format!("email: the user {id} has it")));
        }
        if let Some(id) = is_another(of_external) {
            return Err(Refusal(format!("external_id: the user {id} has it")));
        }
        Ok(same)
    }

    fn first_conflict(&self, candidates: &[(u64, Candidate)]) -> Option<(u64, Refusal)> {
        candidates.iter().find_map(|(number, candidate)| match self.same_as(candidate) {
            Ok(None) => None,
            Ok(Some(holder)) => Some((*number, Refusal(format!("the user {} is there already", holder.id)))),
            Err(refusal) => Some((*number, refusal)),
        })
    }
}
