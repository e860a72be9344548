//! The composition root: the only place that knows all the parts. It chooses the stores, the keys and the clock.

mod chores;
mod installation;
mod serve;
mod stores;

pub use self::{chores::Chores, installation::Installation, serve::serve};

use crate::{
    config::Config,
    domain::{
        accounts::{
            Accounts, EmailAddress,
            create::{Creator, NewcomerError},
        },
        admin::{create::UserCreation, factors::FactorResets, invitations::Invitations, keys::AdminKeys},
        confirmation::Confirmer,
        factors::{FactorSeals, Factors},
        keys::hash_facts::KeyedHashes,
        mail::{Links, Outbox},
        my_account::{MyAccount, addresses::Addresses},
        operator::{
            create_user::OperatorCreation,
            housekeeping::{Expiring, Housekeeping},
        },
        passkeys::{ByPasski, NoPasskeys, Passkeys},
        passwords::{Password, new_passwords::NewPasswords, pool::Hasher},
        proofs::{Letters, Proofs},
        revocations::Feed,
        sessions::{Sessions, refresh_token::RefreshTokens, tokens::Issuer},
        sign_in::{
            beginning::Beginning,
            by_mail::ByMail,
            login::SignIn,
            new_device::NewDevices,
            password_check::PasswordCheck,
            recovery::Recovery,
            register::{Registrar, Registration},
            second_factor::SecondSteps,
            trusted_devices::TrustedDevices,
        },
        throttling::{Throttle, limiter::Limiter, limits::Limits, mail_budget::MailBudget},
    },
    http::{Readiness, State},
    machine,
    mailing::Postman,
    pages::{About, Pages, Playground},
};
use jeton_verifier::Verifier;
use std::{mem, sync::Arc, time::Instant};

/// An assembled service.
pub struct Service {
    /// What the HTTP layer needs.
    pub state: State,
    /// Its background tasks.
    pub chores: Chores,
}

/// Assembles the service: makes what is missing, and waits for the database if it does not answer yet.
///
/// # Errors
/// One sentence that says what to change.
pub async fn assemble(config: Config) -> Result<Service, String> {
    // Boxed: it is large, and without optimisation the stack of a caller would hold it several times.
    Box::pin(assembled(config)).await
}

async fn assembled(mut config: Config) -> Result<Service, String> {
    let (site, access, registration) = (config.site.clone(), config.access.clone(), config.registration.clone());
    let (session_policy, failure_limits) = (config.sessions, config.failure_limits);
    let limits = Limits::new(mem::take(&mut config.limits));
    let stored_hash_memory = config.stored_hash_memory;
    let (has_login_codes, unverified_may_log_in) = (config.has_login_codes, config.unverified_may_log_in);
    let (pages, mail_budget, mail_language) = (config.pages.clone(), config.mail.budget, config.mail.notices.language);
    let (password_rules, breached) = (config.password_rules.clone(), stores::breached_passwords(&config.breach_list)?);
    let (own_pages, feed_room, relying_party) =
        (config.own_pages.take(), config.feed_room, config.relying_party.take());
    let factor_times = config.factor_times;
    let shortest_password = password_rules.min_chars;
    let first_admin = config.bootstrap_admin.take();
    let installation = Installation::make(config).await?;

    let keys = installation.signing_keys().await?;
    let (hash_facts, facts_of_logins) = (installation.hash_facts(), installation.hash_facts());
    let (users, mailbox) = (Arc::new(installation.users()), installation.mailbox());
    let Installation { sql, counters, live, roles, audit, notices, secrets, clock, sending, .. } = installation;
    let postman = Arc::new(Postman::new(sql.clone(), secrets.clone(), clock.clone(), sending));
    let factor_seals = FactorSeals::new(sql.clone(), sql.clone(), secrets.clone());
    let (accounts, outbox): (Arc<dyn Accounts>, Arc<dyn Outbox>) = (sql.clone(), sql.clone());
    let threads = machine::hashing_threads();
    let hasher = Arc::new(Hasher::start(threads, machine::hash_grant(stored_hash_memory, threads)));
    let passwords = Arc::new(NewPasswords::new(password_rules, threads, breached, hasher.clone()));
    let limiter = Arc::new(Limiter::new(limits, audit.clone()));
    let factors = Arc::new(Factors::new(
        sql.clone(),
        secrets.clone(),
        clock.clone(),
        audit.clone(),
        notices.clone(),
        limiter.clone(),
        site.host().to_owned(),
    ));
    let letters = Letters {
        links: Links::to(&pages),
        budget: MailBudget::new(counters.clone(), secrets.clone(), mail_budget),
        language: mail_language,
    };
    let proofs = Arc::new(Proofs::new(sql.clone(), secrets.clone(), clock.clone(), letters));
    let throttle = Arc::new(Throttle::new(counters, secrets.clone(), failure_limits));
    let creator = Arc::new(Creator::new(accounts.clone(), passwords.clone(), clock.clone()));
    if let Some((email, password)) = first_admin {
        ensure_first_admin(&OperatorCreation::new(creator.clone(), audit.clone()), &*accounts, email, &password)
            .await?;
    }

    let feed = Arc::new(Feed::new(sql.clone(), keys.clone(), site.issuer().to_owned(), feed_room));
    let refresh_tokens = RefreshTokens::new(secrets.clone(), site.issuer().to_owned());
    let verifier = Verifier::new(site.issuer().to_owned(), &access.audience, clock.clone());
    let issuer = Issuer::new(refresh_tokens, keys.clone(), roles.clone(), access, clock.clone());
    let sessions = Sessions::new(
        accounts.clone(),
        live.clone(),
        issuer,
        limiter.clone(),
        audit.clone(),
        notices.clone(),
        session_policy,
    );
    let sessions = Arc::new(sessions);
    let check = PasswordCheck::new(
        accounts.clone(),
        live.clone(),
        throttle.clone(),
        (hasher.clone(), KeyedHashes::new(facts_of_logins, hasher.clone())),
        limiter.clone(),
        audit.clone(),
    );
    let check = Arc::new(check);
    let default_role = registration.default_role.clone();
    let by_mail = ByMail {
        accounts: accounts.clone(),
        proofs: proofs.clone(),
        limiter: limiter.clone(),
        audit: audit.clone(),
        has_login_codes,
    };
    let addresses = Addresses {
        accounts: accounts.clone(),
        proofs: proofs.clone(),
        live: live.clone(),
        check: check.clone(),
        limiter: limiter.clone(),
        notices: notices.clone(),
        audit: audit.clone(),
    };
    let has_invitations = registration.registration != Registration::Closed;
    let invitations = Invitations {
        accounts: accounts.clone(),
        proofs: proofs.clone(),
        roles: roles.clone(),
        audit: audit.clone(),
        default_role: default_role.clone(),
        are_allowed: has_invitations,
    };
    let new_devices = Arc::new(NewDevices::new(audit.clone(), notices.clone(), outbox.clone(), clock.clone()));
    let beginning = Arc::new(Beginning::new(sessions.clone(), new_devices));
    if relying_party.is_none() {
        tracing::info!("{NoPasskeys} (AUTH_PUBLIC_URL)");
    }
    let passkeys = Arc::new(Passkeys {
        party: relying_party,
        ceremonies: Arc::new(ByPasski),
        accounts: accounts.clone(),
        store: sql.clone(),
        secrets: secrets.clone(),
        notices: notices.clone(),
        audit: audit.clone(),
        clock: clock.clone(),
    });
    let devices = Arc::new(TrustedDevices::new(
        sql.clone(),
        secrets.clone(),
        clock.clone(),
        audit.clone(),
        factor_times.device_life,
    ));
    let second_steps = Arc::new(SecondSteps {
        accounts: accounts.clone(),
        factors: factors.clone(),
        passkeys: passkeys.clone(),
        devices: devices.clone(),
        completed: sql.clone(),
        live: live.clone(),
        beginning: beginning.clone(),
        secrets: secrets.clone(),
        clock: clock.clone(),
        limiter: limiter.clone(),
        audit: audit.clone(),
    });
    let confirmer = Confirmer {
        beginning: beginning.clone(),
        second_steps: second_steps.clone(),
        accounts: accounts.clone(),
        creator: creator.clone(),
        roles: roles.clone(),
        proofs: proofs.clone(),
        live: live.clone(),
        notices: notices.clone(),
        sessions: sessions.clone(),
        limiter: limiter.clone(),
        audit: audit.clone(),
        default_role: default_role.clone(),
        has_invitations,
    };
    let recovery = Recovery {
        accounts: accounts.clone(),
        proofs: proofs.clone(),
        live: live.clone(),
        sessions: sessions.clone(),
        second_steps: second_steps.clone(),
        passwords: passwords.clone(),
        limiter: limiter.clone(),
        notices: notices.clone(),
        audit: audit.clone(),
    };
    let factor_resets = Arc::new(FactorResets {
        users: users.clone(),
        factors: factors.clone(),
        live: live.clone(),
        plans: sql.clone(),
        notices: notices.clone(),
        audit: audit.clone(),
        clock: clock.clone(),
        delay: factor_times.reset_delay,
    });
    let my_account = MyAccount {
        accounts: accounts.clone(),
        users: users.clone(),
        live: live.clone(),
        check: check.clone(),
        second_steps: second_steps.clone(),
        passwords,
        sessions: sessions.clone(),
        audit: audit.clone(),
        notices,
    };
    let expiring = Expiring {
        live: live.clone(),
        throttle,
        outbox,
        proofs: proofs.clone(),
        passkeys: passkeys.clone(),
        devices,
        factor_resets: factor_resets.clone(),
        endings: sql.clone(),
        audit: audit.clone(),
        audit_keep: session_policy.audit_keep,
    };
    let housekeeping =
        Arc::new(Housekeeping::new(accounts.clone(), hasher.clone(), hash_facts, factor_seals, expiring));
    let chores = Chores {
        housekeeping,
        keys: keys.clone(),
        users: users.clone(),
        accounts: accounts.clone(),
        live: live.clone(),
        feed: feed.clone(),
        postman,
    };
    let about = own_pages.map(|own| About {
        origin: site.issuer().to_owned(),
        return_origins: site.origins().map(str::to_owned).collect(),
        registration: registration.registration.name(),
        has_login_codes,
        shortest_password,
        brand: own.brand,
        playground: own.playground.map(|resource| Playground {
            resource,
            replay_window: session_policy.rules.replay_window,
            has_demo_users: registration.registration == Registration::Open && !registration.with_proof,
        }),
    });
    let state = State {
        pages: Pages::load(about.as_ref())?,
        sign_in: SignIn::new(
            accounts.clone(),
            check,
            live.clone(),
            second_steps.clone(),
            audit.clone(),
            (!unverified_may_log_in).then(|| proofs.clone()),
        ),
        factor_resets,
        second_steps,
        step_up_max_age: factor_times.step_up_max_age,
        addresses,
        by_mail,
        invitations,
        registrar: Registrar::new(creator.clone(), hasher.clone(), proofs, limiter, audit.clone(), registration),
        user_creation: UserCreation::new(creator, roles.clone(), audit.clone(), default_role),
        admin_keys: AdminKeys { keys: keys.clone(), audit: audit.clone() },
        started: Instant::now(),
        readiness: Readiness::new(accounts, live),
        keys,
        feed,
        sessions,
        factors,
        passkeys,
        my_account,
        confirmer,
        recovery,
        users,
        mailbox,
        audit,
        roles,
        hasher,
        site,
        verifier,
        secrets,
        clock,
    };
    Ok(Service { state, chores })
}

async fn ensure_first_admin(
    creation: &OperatorCreation,
    accounts: &dyn Accounts,
    email: EmailAddress,
    password: &Password,
) -> Result<(), String> {
    creation.ensure_admin(accounts, email, password).await.map_err(|error| match error {
        // An outage is not the setting's fault.
        NewcomerError::Unavailable(error) => error.to_string(),
        error => format!("AUTH_ADMIN_PASSWORD: {error}"),
    })
}
