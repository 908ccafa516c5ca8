//! Issues tokens to users that were authenticated. A logout also voids those that are issued meanwhile:
//! they say since when the user has been logged in, and not when they were issued.

use std::fmt::Write;

use axum::http::{HeaderMap, StatusCode};

use super::cookies::Cookie;
use super::rights::Rights;
use super::tokens::{Claims, Tokens, Use, now, seconds};
use super::{Auth, Denied, Principal, routes};
use crate::redis::TooManyTickets;
use crate::refusal::Refusal;

/// How long a ticket can be redeemed, in seconds.
pub(super) const TICKET_LIFETIME: f64 = 30.0;

/// A token that was signed for a user that has logged in.
pub(super) struct Issued {
    pub(super) token: String,
    pub(super) rights: Rights,
    pub(super) expiry: f64,
}

impl Auth {
    /// Signs the token of a user that has proven its password just now.
    pub(super) fn issue(&self, user: &str, rights: Rights) -> Result<Issued, Refusal> {
        self.sign(user, rights, now())
    }

    /// Signs another token for a user that has logged in, with the rights that it has now.
    pub(super) fn reissue(&self, principal: &Principal) -> Result<Option<Issued>, Refusal> {
        let (Some(auth_time), Some(user)) = (principal.auth_time, &principal.user) else {
            return Ok(None);
        };
        let users = self.passwords.as_ref().map(|passwords| &passwords.users);
        let rights = users.and_then(|users| users.rights(user));
        let rights = rights.ok_or_else(Refusal::unauthorized)?;
        self.sign(user, rights, auth_time).map(Some)
    }

    fn sign(&self, user: &str, rights: Rights, auth_time: f64) -> Result<Issued, Refusal> {
        let tokens = self.tokens.as_ref().ok_or_else(routes::no_authentication)?;
        let iat = now();
        let expiry = (iat + self.token_lifetime).min(auth_time + self.session_lifetime);
        let claims = Claims {
            sub: user.to_owned(),
            exp: expiry,
            iat,
            auth_time: Some(auth_time),
            session_exp: None,
            jti: None,
            rights,
        };
        let token = tokens.sign(&claims, Use::Access).map_err(internal)?;
        let rights = claims.rights;
        Ok(Issued {
            token,
            rights,
            expiry,
        })
    }

    /// Begins the stream of a ticket, with the cookie for its reconnections.
    pub(super) fn begin(
        &self,
        tokens: &Tokens,
        ticket: Claims,
        headers: &HeaderMap,
    ) -> Result<Principal, Denied> {
        let exp = ticket.session_exp.unwrap_or_default();
        let claims = Claims {
            exp,
            session_exp: None,
            jti: None,
            ..ticket
        };
        let token = tokens.sign(&claims, Use::Stream);
        let token = token.map_err(|_| Refusal::unauthorized())?;
        let mut principal = self.principal(tokens, &token, Use::Stream)?;
        principal.cookie = Cookie::Stream.set(headers, &token, seconds(exp - now()));
        Ok(principal)
    }

    /// Signs a ticket for the URL of one stream.
    pub(super) async fn ticket(
        &self,
        tokens: &Tokens,
        principal: Principal,
    ) -> Result<String, Refusal> {
        let user = principal.user.ok_or_else(routes::no_authentication)?;
        let (iat, id) = (now(), random_id()?);
        if let Some(redis) = &self.redis {
            let added = redis
                .add_ticket(&user, &id, seconds(TICKET_LIFETIME))
                .await?;
            added.map_err(|TooManyTickets| {
                let reason = "the user has too many tickets that were not redeemed";
                Refusal::new(StatusCode::TOO_MANY_REQUESTS, reason).retry_after(30)
            })?;
        }
        let claims = Claims {
            sub: user.as_ref().to_owned(),
            exp: iat + TICKET_LIFETIME,
            iat,
            auth_time: Some(principal.since),
            session_exp: principal.expiry,
            jti: Some(id),
            rights: principal.rights,
        };
        tokens.sign(&claims, Use::Ticket).map_err(internal)
    }
}

fn random_id() -> Result<String, Refusal> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| internal(error.to_string()))?;
    Ok(bytes.iter().fold(String::new(), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    }))
}

fn internal(error: String) -> Refusal {
    tracing::error!(%error, "no token can be made");
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "no token can be made")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::demo;
    use crate::options::Options;
    use axum::http::{Method, header};

    fn headers(token: &str) -> HeaderMap {
        let bearer = format!("Bearer {token}").parse().expect("a value");
        let host = "localhost".parse().expect("a value");
        [(header::AUTHORIZATION, bearer), (header::HOST, host)]
            .into_iter()
            .collect()
    }

    /// The logout is between the authentication of a request and its answer.
    #[tokio::test]
    async fn what_is_issued_during_a_logout_is_void_after_it() {
        let auth = Auth::new(&Options::of(&["--demo"]), None).expect("it starts");
        let (name, _) = demo::names_and_passwords().next().expect("a user");
        let issued = auth.issue(name, Rights::all()).expect("a token");
        let headers_of = headers(&issued.token);
        let principal = auth.authenticate(&Method::POST, &headers_of);
        let principal = principal.expect("a user");
        assert_eq!(auth.check_again(&principal), Ok(()));
        auth.logouts.add(name, now());
        assert_eq!(auth.check_again(&principal), Err(Denied::LoggedOut));
        let renewed = auth.reissue(&principal).expect("a token").expect("a token");
        let stream = auth
            .authenticate_stream(&headers(&renewed.token), None)
            .await;
        assert_eq!(stream.err(), Some(Denied::LoggedOut));
        let tokens = auth.tokens.as_ref().expect("there are tokens");
        let ticket = auth.ticket(tokens, principal).await.expect("a ticket");
        let mut of_ticket = headers_of;
        of_ticket.remove(header::AUTHORIZATION);
        let stream = auth.authenticate_stream(&of_ticket, Some(&ticket)).await;
        assert_eq!(stream.err(), Some(Denied::LoggedOut));
    }
}
