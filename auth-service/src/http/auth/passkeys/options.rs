//! `POST /auth/passkeys/options`, and what browsers are asked for, in the forms of `parseCreationOptionsFromJSON()` and
//! `parseRequestOptionsFromJSON()` (WebAuthn Level 3, section 5.1).

use crate::{
    domain::{
        accounts::Account,
        passkeys::{LIFE, Offer, Passkey, PublicKey},
    },
    http::{State, answer::refusals::OfferRefused, request::caller::Recent},
};
use actix_web::{HttpResponse, web::Data};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use shared::{openapi::Refusals, problem::Problem};
use utoipa::ToSchema;

/// A challenge to add a passkey.
#[derive(Serialize, ToSchema)]
#[schema(as = PasskeyCreation)]
struct Creation<'a> {
    /// To be sent back with the answer.
    challenge_id: String,
    /// For `navigator.credentials.create()`: `PublicKeyCredentialCreationOptionsJSON`.
    public_key: CreationOptions<'a>,
    /// How many seconds the challenge may be answered.
    expires_in: u64,
}

/// A challenge for a passkey.
#[derive(Serialize, ToSchema)]
#[schema(as = PasskeyRequest)]
pub struct Request<'a> {
    /// To be sent back with the answer.
    challenge_id: String,
    /// For `navigator.credentials.get()`: `PublicKeyCredentialRequestOptionsJSON`.
    public_key: RequestOptions<'a>,
    /// How many seconds the challenge may be answered.
    expires_in: u64,
}

/// `PublicKeyCredentialCreationOptionsJSON`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PublicKeyCredentialCreationOptionsJSON)]
struct CreationOptions<'a> {
    /// For whom the passkey is.
    rp: Party<'a>,
    /// Whose it is.
    user: User<'a>,
    /// The challenge (base64url).
    challenge: String,
    /// The algorithms that are accepted, the preferred one first.
    pub_key_cred_params: [Algorithm; 3],
    /// In milliseconds.
    timeout: u64,
    /// The user's passkeys: an authenticator that has one makes no other.
    exclude_credentials: Vec<Credential<'a>>,
    /// What kind of passkey it is to be.
    authenticator_selection: Selection,
    /// `none`.
    attestation: &'static str,
    /// What the browser is to say beside.
    extensions: Extensions,
}

/// The relying party.
#[derive(Serialize, ToSchema)]
#[schema(as = RelyingParty)]
struct Party<'a> {
    /// The domain.
    id: &'a str,
    /// Its name.
    name: &'a str,
}

/// The user, as authenticators show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PasskeyUser)]
struct User<'a> {
    /// The 16 bytes of the user's id (base64url).
    id: String,
    /// The address.
    name: &'a str,
    /// The name, or the address.
    display_name: &'a str,
}

/// An algorithm.
#[derive(Serialize, ToSchema)]
#[schema(as = PasskeyAlgorithm)]
struct Algorithm {
    /// `public-key`.
    r#type: &'static str,
    /// In COSE.
    alg: i32,
}

/// `PublicKeyCredentialDescriptorJSON`.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicKeyCredentialDescriptorJSON)]
struct Credential<'a> {
    /// `public-key`.
    r#type: &'static str,
    /// The id (base64url).
    id: String,
    /// How the authenticator can be reached.
    transports: &'a [String],
}

/// What kind of passkey it is to be.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PasskeySelection)]
struct Selection {
    /// `required`: it can be found without the user's address.
    resident_key: &'static str,
    /// The same, for older browsers.
    require_resident_key: bool,
    /// `required`: by a PIN or a fingerprint, so that it is two factors.
    user_verification: &'static str,
}

/// What the browser is to say beside.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PasskeyExtensions)]
struct Extensions {
    /// Whether it can be found without the user's address.
    cred_props: bool,
}

/// `PublicKeyCredentialRequestOptionsJSON`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PublicKeyCredentialRequestOptionsJSON)]
struct RequestOptions<'a> {
    /// The challenge (base64url).
    challenge: String,
    /// In milliseconds.
    timeout: u64,
    /// The domain.
    rp_id: &'a str,
    /// Which passkeys are accepted. Empty: whichever the user picks.
    allow_credentials: Vec<Credential<'a>>,
    /// `required`: by a PIN or a fingerprint, so that it is two factors.
    user_verification: &'static str,
}

impl<'a> Creation<'a> {
    fn of(offer: &'a Offer<'a>, account: &'a Account, site: &'a str) -> Self {
        let email = account.email.as_str();
        Self {
            challenge_id: offer.challenge_id.clone(),
            public_key: CreationOptions {
                rp: Party { id: &offer.party.id, name: site },
                user: User {
                    id: URL_SAFE_NO_PAD.encode(account.id.to_bytes()),
                    name: email,
                    display_name: account.name.as_ref().map_or(email, |name| name.as_str()),
                },
                challenge: URL_SAFE_NO_PAD.encode(offer.challenge),
                pub_key_cred_params: PublicKey::ALGORITHMS.map(|alg| Algorithm { r#type: "public-key", alg }),
                timeout: LIFE.as_secs() * 1000,
                exclude_credentials: offer.passkeys.iter().map(Credential::of).collect(),
                authenticator_selection: Selection {
                    resident_key: "required",
                    require_resident_key: true,
                    user_verification: "required",
                },
                attestation: "none",
                extensions: Extensions { cred_props: true },
            },
            expires_in: LIFE.as_secs(),
        }
    }
}

impl<'a> Request<'a> {
    /// Of an offer.
    pub fn of(offer: &'a Offer<'a>) -> Self {
        Self {
            challenge_id: offer.challenge_id.clone(),
            public_key: RequestOptions {
                challenge: URL_SAFE_NO_PAD.encode(offer.challenge),
                timeout: LIFE.as_secs() * 1000,
                rp_id: &offer.party.id,
                allow_credentials: offer.passkeys.iter().map(Credential::of).collect(),
                user_verification: "required",
            },
            expires_in: LIFE.as_secs(),
        }
    }
}

impl<'a> Credential<'a> {
    fn of(passkey: &'a Passkey) -> Self {
        Self { r#type: "public-key", id: passkey.credential.encoded(), transports: &passkey.transports }
    }
}

/// Ask for a challenge to add a passkey
///
/// The answer of the authenticator goes to `POST /auth/passkeys`.
#[utoipa::path(
    post, path = "/auth/passkeys/options", tag = "account", operation_id = "ask_to_add_passkey",
    responses((status = 200, description = "The challenge", body = Creation<'_>), Refusals<(Recent, OfferRefused)>),
    security(("bearer" = []))
)]
pub async fn creation_options(caller: Recent, state: Data<State>) -> Result<HttpResponse, Problem> {
    let offer = state.passkeys.offer_to_add(&caller).await?;
    let name = state.site.host();
    Ok(HttpResponse::Ok().json(Creation::of(&offer, &caller.account, name)))
}
