//! Signs and verifies tokens (JSON Web Tokens, RFC 7519), each for one use.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use super::hs256;
use super::rights::Rights;
use super::secret::{Secret, VARIABLE};
use crate::names;
use crate::options::Options;

/// The longest token, in bytes.
const MAX_LEN: usize = 4 << 10;

/// What a token is for, which is a part of its audience: none can be used as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// All requests, as a bearer or as the cookie of a session.
    Access,
    /// The URL of one stream, once.
    Ticket,
    /// The cookie with which that stream reconnects.
    Stream,
}

/// What a token claims.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    /// Whom the token is about.
    pub sub: String,
    /// When it expires, in seconds since 1970.
    pub exp: f64,
    /// When its user was authenticated, in seconds since 1970. Without it, the token does not survive a logout.
    #[serde(default)]
    pub iat: f64,
    /// When the user has proven its password, in seconds since 1970; only such tokens are renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<f64>,
    /// When the session of a ticket expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_exp: Option<f64>,
    /// Distinguishes the tickets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// What the user may do.
    #[serde(flatten)]
    pub rights: Rights,
}

impl Claims {
    /// Returns since when the user has been logged in.
    pub(super) fn since(&self) -> f64 {
        self.auth_time.unwrap_or(self.iat)
    }
}

#[derive(Serialize)]
struct WithAudience<'a> {
    aud: &'a str,
    #[serde(flatten)]
    claims: &'a Claims,
}

/// Signs and verifies tokens with one secret.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    /// Those of the uses, in their order.
    audiences: [String; 3],
}

/// The error of a token that is not valid; why is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid;

impl Tokens {
    /// Makes what signs tokens, with the secret of the options or a random one.
    pub(super) fn of_options(options: &Options, has_users: bool) -> Result<Self, String> {
        let secret = match Secret::read(options.secret_file.as_deref())? {
            Some(secret) => secret,
            None if options.redis.is_some() && !options.demo => {
                return Err(format!(
                    "all gateways of one Redis need the same secret: set {VARIABLE} or --secret-file"
                ));
            }
            None if has_users => {
                if !options.demo {
                    tracing::warn!("no secret is set: all users must log in again after a restart");
                }
                Secret::random()?
            }
            None => {
                return Err(format!(
                    "who may connect? Start with --demo to try it, with --users FILE, with {VARIABLE} \
                     or --secret-file for tokens of others, or with --no-auth"
                ));
            }
        };
        Self::new(&secret, &options.audience)
    }

    /// Creates it for the audience of an access token.
    pub fn new(secret: &Secret, audience: &str) -> Result<Self, String> {
        hs256::install();
        let describe = |error: jsonwebtoken::errors::Error| error.to_string();
        Ok(Self {
            encoding: EncodingKey::from_secret(secret.as_bytes()).map_err(describe)?,
            decoding: DecodingKey::from_secret(secret.as_bytes()).map_err(describe)?,
            audiences: ["", "/ticket", "/stream"].map(|suffix| format!("{audience}{suffix}")),
        })
    }

    /// Signs a token, unless it would be too long to be accepted.
    pub fn sign(&self, claims: &Claims, r#use: Use) -> Result<String, String> {
        let aud = &self.audiences[r#use as usize];
        let header = Header::new(Algorithm::HS256);
        let claims = WithAudience { aud, claims };
        let token = encode(&header, &claims, &self.encoding).map_err(|error| error.to_string())?;
        let len = token.len();
        if len > MAX_LEN {
            return Err(format!(
                "the token would have {len} bytes, of which at most {MAX_LEN} are accepted; \
                 give the user fewer rights, such as 'orders.*' for all topics that begin with it"
            ));
        }
        Ok(token)
    }

    /// Verifies a token, and that it is for this use; a clock has no leeway.
    pub fn verify(&self, token: &str, r#use: Use) -> Result<Claims, Invalid> {
        let claims = self.verify_expired(token, r#use)?;
        (claims.exp > now()).then_some(claims).ok_or(Invalid)
    }

    /// Verifies a token that may have expired.
    pub fn verify_expired(&self, token: &str, r#use: Use) -> Result<Claims, Invalid> {
        if token.len() > MAX_LEN {
            return Err(Invalid);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[&self.audiences[r#use as usize]]);
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
        validation.validate_exp = false;
        validation.validate_nbf = true;
        validation.leeway = 0;
        let token = decode::<Claims>(token, &self.decoding, &validation).map_err(|_| Invalid)?;
        let is_user = names::check("sub", &token.claims.sub).is_ok();
        is_user.then_some(token.claims).ok_or(Invalid)
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tokens").finish_non_exhaustive()
    }
}

/// Returns the seconds since 1970.
pub fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

/// Returns whole seconds, none if the time has passed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it saturates"
)]
pub(super) fn seconds(time: f64) -> u64 {
    time.max(0.0) as u64
}
