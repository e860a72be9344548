//! A session's record, and its form in a store: bytes with a MAC that also covers whose session it is. Whoever can
//! write to the store can lose a record, or restore an older one of the same session, which the session's rules allow
//! for, but nothing else: a record that was changed, forged or copied from another session is rejected.

use super::{
    methods::Methods,
    refresh_token::{RefreshClaims, Transport},
    rules::Lineage,
    store::Sealed,
    user_agent,
};
use crate::domain::{accounts::Epoch, secrets::KeyRing};
use shared::{
    clock::Timestamp,
    ids::{SessionId, TokenId, UserId},
};
use std::net::IpAddr;

/// A refresh session. Nothing in it is a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// The user.
    pub sub: UserId,
    /// The session.
    pub sid: SessionId,
    /// The state of its tokens.
    pub lineage: Lineage,
    /// The user's epoch when the session began.
    pub epoch: Epoch,
    /// When the session began, to the second.
    pub auth_time: Timestamp,
    /// What was shown then.
    pub methods: Methods,
    /// How its client carries its tokens.
    pub transport: Transport,
    /// The session's newest token.
    pub newest: NewestToken,
    /// When it was last refreshed.
    pub last_used: Timestamp,
    /// When it was last refreshed, as its user is shown: see [`super::devices`].
    pub shown_used: Timestamp,
    /// The address of the last refresh.
    pub ip: IpAddr,
    /// The user agent of the last refresh.
    pub user_agent: String,
}

/// What the rest of the record does not say about a session's newest token. Any replica can sign the token again, byte
/// for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewestToken {
    /// Its own id.
    pub id: TokenId,
    /// The id of the root secret whose key signs it.
    pub key_id: String,
    /// When it was issued, in seconds since 1970.
    pub issued_at: i64,
    /// When it expires, in seconds since 1970.
    pub expires_at: i64,
}

/// The first byte of a record: the rest has the form below.
const VERSION: u8 = 2;
const KEY_ID_BYTES: usize = 8;
const ID_BYTES: usize = 16;
const MAC_BYTES: usize = 16;

const BY_BODY: u8 = 1;
const HAS_EARLIER: [u8; 2] = [1 << 1, 1 << 2];
const HAS_ROTATED: u8 = 1 << 3;
const HAS_ADOPTED: u8 = 1 << 4;
const ADOPTED_RECENT: u8 = 1 << 5;
const IP_V6: u8 = 1 << 6;
const SHORT_AGENT: u8 = 1 << 7;

/// Why bytes are not a valid record of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRecord {
    /// No configured root secret verifies it as a record of this session.
    #[error("no configured root secret verifies it")]
    Foreign,
    /// It is genuine, but of another version.
    #[error("its format is unknown to this version")]
    Unknown,
}

impl NoRecord {
    /// The reason's name in the metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::Unknown => "unknown",
        }
    }
}

impl SessionRecord {
    /// When the newest token expires: a store need not keep the session longer.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        Timestamp::from_secs(self.newest.expires_at)
    }

    /// The claims of the newest token.
    #[must_use]
    pub fn newest_claims(&self, issuer: &str) -> RefreshClaims {
        RefreshClaims {
            iss: issuer.to_owned(),
            sub: self.sub,
            sid: self.sid,
            generation: self.lineage.generation,
            jti: self.newest.id,
            family: self.lineage.family,
            epoch: self.epoch,
            transport: self.transport,
            iat: self.newest.issued_at,
            exp: self.newest.expires_at,
            auth_time: self.auth_time.secs(),
            methods: self.methods,
        }
    }

    /// The record as bytes for a store. `None`: the root secret of its newest token is not configured.
    #[must_use]
    pub fn sealed(&self, secrets: &KeyRing) -> Option<Sealed> {
        let keys = secrets.with_id(&self.newest.key_id)?;
        let mut bytes = self.written();
        let mac = keys.record_mac(&covered(self.sub, self.sid, &bytes));
        bytes.extend_from_slice(mac.as_ref().get(..MAC_BYTES)?);
        Some(Sealed(bytes))
    }

    /// Opens what a store holds as the record of session `sid` of `sub`.
    ///
    /// # Errors
    /// [`NoRecord`].
    pub fn opened(sealed: &Sealed, sub: UserId, sid: SessionId, secrets: &KeyRing) -> Result<Self, NoRecord> {
        let (bytes, mac) = sealed.0.split_last_chunk::<MAC_BYTES>().ok_or(NoRecord::Foreign)?;
        let key_id = bytes.get(1..=KEY_ID_BYTES).and_then(|id| str::from_utf8(id).ok()).ok_or(NoRecord::Foreign)?;
        let keys = secrets.with_id(key_id).ok_or(NoRecord::Foreign)?;
        if !keys.is_record_mac(&covered(sub, sid, bytes), mac) {
            return Err(NoRecord::Foreign);
        }
        read(bytes, key_id, sub, sid).ok_or(NoRecord::Unknown)
    }

    fn written(&self) -> Vec<u8> {
        let short_agent = user_agent::shortened(&self.user_agent);
        let mut bytes = Vec::with_capacity(256);
        bytes.push(VERSION);
        bytes.extend_from_slice(self.newest.key_id.as_bytes());
        bytes.push(self.flags() | if short_agent.is_some() { SHORT_AGENT } else { 0 });
        bytes.push(self.methods.byte());
        bytes.push(self.lineage.retries);
        put_number(&mut bytes, self.lineage.generation);
        bytes.extend_from_slice(&self.lineage.family.to_bytes());
        for earlier in self.lineage.earlier.into_iter().flatten() {
            bytes.extend_from_slice(&earlier.to_bytes());
        }
        bytes.extend_from_slice(&self.newest.id.to_bytes());
        put_signed(&mut bytes, self.epoch.0);
        put_signed(&mut bytes, self.auth_time.secs());
        // The following times are close to each other, so their differences are small numbers.
        put_signed(&mut bytes, self.newest.issued_at.wrapping_sub(self.auth_time.secs()));
        put_signed(&mut bytes, self.newest.expires_at.wrapping_sub(self.newest.issued_at));
        let issued_at = Timestamp::from_secs(self.newest.issued_at);
        put_span(&mut bytes, issued_at, self.last_used);
        put_span(&mut bytes, self.last_used, self.shown_used);
        for moment in [self.lineage.rotated_at, self.lineage.adopted_at].into_iter().flatten() {
            put_span(&mut bytes, self.last_used, moment);
        }
        match self.ip {
            IpAddr::V4(ip) => bytes.extend_from_slice(&ip.octets()),
            IpAddr::V6(ip) => bytes.extend_from_slice(&ip.octets()),
        }
        bytes.extend_from_slice(short_agent.as_deref().unwrap_or(self.user_agent.as_bytes()));
        bytes
    }

    fn flags(&self) -> u8 {
        let lineage = &self.lineage;
        [
            (self.transport == Transport::Body, BY_BODY),
            (lineage.earlier[0].is_some(), HAS_EARLIER[0]),
            (lineage.earlier[1].is_some(), HAS_EARLIER[1]),
            (lineage.rotated_at.is_some(), HAS_ROTATED),
            (lineage.adopted_at.is_some(), HAS_ADOPTED),
            (lineage.adopted_recent, ADOPTED_RECENT),
            (self.ip.is_ipv6(), IP_V6),
        ]
        .into_iter()
        .filter_map(|(is_set, flag)| is_set.then_some(flag))
        .sum()
    }
}

/// What the MAC covers: whose session it is, and the record's bytes.
fn covered(sub: UserId, sid: SessionId, bytes: &[u8]) -> Vec<u8> {
    [&sub.to_bytes(), &sid.to_bytes(), bytes].concat()
}

/// The reverse of [`SessionRecord::written`], in the same order.
fn read(bytes: &[u8], key_id: &str, sub: UserId, sid: SessionId) -> Option<SessionRecord> {
    let mut rest = Rest(bytes);
    if rest.byte()? != VERSION {
        return None;
    }
    rest.take(KEY_ID_BYTES)?;
    let flags = rest.byte()?;
    let has = |flag| flags & flag != 0;
    let methods = Methods::from_byte(rest.byte()?)?;
    let retries = rest.byte()?;
    let generation = rest.number()?;
    let family = rest.id()?;
    let mut earlier = [None; 2];
    for (place, flag) in earlier.iter_mut().zip(HAS_EARLIER) {
        if has(flag) {
            *place = Some(rest.id()?);
        }
    }
    let id = rest.id()?;
    let epoch = Epoch(rest.signed()?);
    let auth_time = rest.signed()?;
    let issued_at = auth_time.wrapping_add(rest.signed()?);
    let expires_at = issued_at.wrapping_add(rest.signed()?);
    let last_used = rest.moment(Timestamp::from_secs(issued_at))?;
    let shown_used = rest.moment(last_used)?;
    let rotated_at = if has(HAS_ROTATED) { Some(rest.moment(last_used)?) } else { None };
    let adopted_at = if has(HAS_ADOPTED) { Some(rest.moment(last_used)?) } else { None };
    let ip = if has(IP_V6) { IpAddr::from(rest.chunk::<16>()?) } else { IpAddr::from(rest.chunk::<4>()?) };
    let user_agent =
        if has(SHORT_AGENT) { user_agent::restored(rest.0)? } else { String::from_utf8(rest.0.to_vec()).ok()? };
    Some(SessionRecord {
        sub,
        sid,
        lineage: Lineage {
            generation,
            family,
            earlier,
            rotated_at,
            adopted_at,
            adopted_recent: has(ADOPTED_RECENT),
            retries,
        },
        epoch,
        auth_time: Timestamp::from_secs(auth_time),
        methods,
        transport: if has(BY_BODY) { Transport::Body } else { Transport::Cookie },
        newest: NewestToken { id, key_id: key_id.to_owned(), issued_at, expires_at },
        last_used,
        shown_used,
        ip,
        user_agent,
    })
}

/// Seven bits per byte, the lowest first; all bytes but the last have the eighth bit set.
fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

/// Numbers near zero, positive or negative, become short.
fn put_signed(bytes: &mut Vec<u8>, number: i64) {
    put_number(bytes, (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned());
}

fn put_span(bytes: &mut Vec<u8>, from: Timestamp, to: Timestamp) {
    put_signed(bytes, to.millis().wrapping_sub(from.millis()));
}

/// The bytes that are not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn chunk<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.chunk::<1>().map(|[byte]| byte)
    }

    fn id(&mut self) -> Option<TokenId> {
        self.chunk::<ID_BYTES>().map(TokenId::from_bytes)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn moment(&mut self, from: Timestamp) -> Option<Timestamp> {
        Some(Timestamp::from_millis(from.millis().wrapping_add(self.signed()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::methods::Method, *};
    use crate::domain::secrets::RootSecret;

    fn secrets(current: &str, previous: Option<&str>) -> KeyRing {
        let parse = |text: &str| RootSecret::parse(text).map_err(|error| error.to_string()).unwrap();
        KeyRing::new(&parse(current), previous.map(parse).as_ref())
    }

    fn record(secrets: &KeyRing) -> SessionRecord {
        SessionRecord {
            sub: UserId::fresh(),
            sid: SessionId::fresh(),
            lineage: Lineage {
                generation: 300,
                family: TokenId::fresh(),
                earlier: [Some(TokenId::fresh()), Some(TokenId::fresh())],
                rotated_at: Some(Timestamp::from_millis(1_795_219_300_123)),
                adopted_at: Some(Timestamp::from_millis(1_795_000_000_999)),
                adopted_recent: true,
                retries: 2,
            },
            epoch: Epoch(1_795_000_000_000),
            auth_time: Timestamp::from_secs(1_795_000_000),
            methods: Methods::from(Method::Password).and(Method::Totp),
            transport: Transport::Body,
            newest: NewestToken {
                id: TokenId::fresh(),
                key_id: secrets.current().id().to_owned(),
                issued_at: 1_795_219_300,
                expires_at: 1_795_824_100,
            },
            last_used: Timestamp::from_millis(1_795_219_300_123),
            shown_used: Timestamp::from_millis(1_795_218_400_001),
            ip: "2001:db8::1".parse().unwrap(),
            user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0".to_owned(),
        }
    }

    fn opened(sealed: &Sealed, of: &SessionRecord, secrets: &KeyRing) -> Result<SessionRecord, NoRecord> {
        SessionRecord::opened(sealed, of.sub, of.sid, secrets)
    }

    #[test]
    fn a_record_is_read_back_unchanged() {
        let secrets = secrets(&RootSecret::generate(), None);
        let full = record(&secrets);
        let bare = SessionRecord {
            lineage: Lineage::begin(TokenId::fresh()),
            epoch: Epoch(-1),
            methods: Methods::default(),
            transport: Transport::Cookie,
            last_used: Timestamp::from_millis(i64::MIN),
            ip: "203.0.113.9".parse().unwrap(),
            user_agent: "Фокс/1.0 {\"quoted\"} \u{1} end".to_owned(),
            ..full.clone()
        };
        let most = Lineage { generation: u64::MAX, retries: u8::MAX, ..full.lineage };
        for record in [full.clone(), bare, SessionRecord { lineage: most, user_agent: String::new(), ..full }] {
            assert_eq!(opened(&record.sealed(&secrets).unwrap(), &record, &secrets), Ok(record));
        }
    }

    #[test]
    fn a_record_with_any_bit_flipped_cut_or_extended_is_rejected() {
        let secrets = secrets(&RootSecret::generate(), None);
        let record = record(&secrets);
        let Sealed(bytes) = record.sealed(&secrets).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opened(&Sealed(flipped), &record, &secrets), Err(NoRecord::Foreign), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(opened(&Sealed(bytes[..length].to_vec()), &record, &secrets), Err(NoRecord::Foreign));
        }
        assert_eq!(opened(&Sealed([&bytes[..], &[0]].concat()), &record, &secrets), Err(NoRecord::Foreign));
    }

    #[test]
    fn a_record_of_another_session_user_or_secret_is_rejected() {
        let secrets = secrets(&RootSecret::generate(), None);
        let admins = record(&secrets);
        let sealed = admins.sealed(&secrets).unwrap();
        let foreign = SessionRecord { sub: UserId::fresh(), ..admins.clone() };
        assert_eq!(opened(&sealed, &foreign, &secrets), Err(NoRecord::Foreign));
        let foreign = SessionRecord { sid: SessionId::fresh(), ..admins.clone() };
        assert_eq!(opened(&sealed, &foreign, &secrets), Err(NoRecord::Foreign));
        let others = self::secrets(&RootSecret::generate(), None);
        assert_eq!(opened(&sealed, &admins, &others), Err(NoRecord::Foreign));
    }

    #[test]
    fn records_of_either_secret_are_read_while_it_is_replaced() {
        let (old, new) = (RootSecret::generate(), RootSecret::generate());
        let (before, after) = (secrets(&old, Some(&new)), secrets(&new, Some(&old)));
        for (maker, reader) in [(&before, &after), (&after, &before)] {
            let record = record(maker);
            assert_eq!(opened(&record.sealed(maker).unwrap(), &record, reader), Ok(record));
        }
    }

    #[test]
    fn a_record_of_a_later_version_is_not_misread() {
        let secrets = secrets(&RootSecret::generate(), None);
        let record = record(&secrets);
        let mut bytes = record.written();
        bytes[0] = VERSION + 1;
        let mac = secrets.current().record_mac(&covered(record.sub, record.sid, &bytes));
        bytes.extend_from_slice(&mac.as_ref()[..MAC_BYTES]);
        assert_eq!(opened(&Sealed(bytes), &record, &secrets), Err(NoRecord::Unknown));
    }
}
