//! Who sends a request, and what it may do.

mod attempts;
mod cookies;
mod demo;
mod hs256;
mod issue;
mod memory;
mod origin;
mod passwords;
mod principal;
mod rights;
pub mod routes;
mod secret;
mod tokens;
mod users;

use std::sync::Arc;

use axum::http::{HeaderMap, Method, header};

use crate::body;
use crate::options::Options;
use crate::redis::{Redis, Unavailable};
use crate::refusal::Refusal;
use attempts::Attempts;
use cookies::Cookie;
pub use memory::Logouts;
use memory::Redeemed;
use passwords::Passwords;
pub use principal::{Denied, Principal};
pub use rights::Rights;
pub use secret::{Secret, VARIABLE};
pub use tokens::{Claims, Tokens, Use, now};
pub use users::Users;

/// Decides who sends a request.
#[derive(Debug)]
pub struct Auth {
    /// `None` if whoever reaches the server may do everything.
    tokens: Option<Tokens>,
    passwords: Option<Passwords>,
    is_demo: bool,
    attempts: Attempts,
    redeemed: Redeemed,
    logouts: Logouts,
    /// Where tickets and logouts are that concern several gateways.
    redis: Option<Arc<Redis>>,
    token_lifetime: f64,
    session_lifetime: f64,
}

impl Auth {
    /// Creates it as the options say.
    pub fn new(options: &Options, redis: Option<Arc<Redis>>) -> Result<Self, String> {
        let users = match (&options.users, options.demo) {
            (Some(file), _) => Some(Users::read(file)?),
            (None, true) => Some(demo::users()?),
            (None, false) => None,
        };
        let tokens = match options.no_auth {
            true => None,
            false => Some(Tokens::of_options(options, users.is_some())?),
        };
        Ok(Self {
            tokens,
            passwords: users.map(Passwords::new).transpose()?,
            is_demo: options.demo,
            attempts: Attempts::new(options.logins_per_minute),
            redeemed: Redeemed::default(),
            logouts: Logouts::default(),
            redis,
            token_lifetime: options.token_lifetime.as_secs_f64(),
            session_lifetime: options.session_lifetime.as_secs_f64(),
        })
    }

    /// Returns whether nobody is asked who it is.
    pub const fn is_open(&self) -> bool {
        self.tokens.is_none()
    }

    /// Returns names and passwords of the users to try, if there are.
    pub fn demo_users(&self) -> Option<impl Iterator<Item = (&'static str, &'static str)>> {
        self.is_demo.then(demo::names_and_passwords)
    }

    /// Returns who sends a request, by its bearer token or the cookie of its session.
    pub fn authenticate(&self, method: &Method, headers: &HeaderMap) -> Result<Principal, Refusal> {
        let Some(tokens) = self.tokens(headers)? else {
            return Ok(Principal::anybody());
        };
        if let Some(token) = bearer(headers) {
            return self
                .principal(tokens, token?, Use::Access)
                .map_err(Into::into);
        }
        let principal = self.of_cookies(tokens, &[Cookie::Session], headers, None)?;
        // A page of another server may have made the browser send the cookie.
        if !origin::is_same(headers) {
            return Err(Refusal::forbidden());
        }
        if method == Method::POST && !body::is_json(headers) {
            return Err(body::not_json());
        }
        Ok(principal)
    }

    /// Returns the users that have logged out.
    pub const fn logouts(&self) -> &Logouts {
        &self.logouts
    }

    /// Returns who subscribes, by its bearer token, the ticket in its URL, or its cookies.
    pub async fn authenticate_stream(
        &self,
        headers: &HeaderMap,
        ticket: Option<&str>,
    ) -> Result<Principal, Denied> {
        let Some(tokens) = self.tokens(headers)? else {
            return Ok(Principal::anybody());
        };
        if let Some(token) = bearer(headers) {
            return self.principal(tokens, token?, Use::Access);
        }
        let (mut of_ticket, mut is_away) = (None, None);
        if let Some(ticket) = ticket {
            let claims = tokens.verify_expired(ticket, Use::Ticket)?;
            match self.redeem(&claims).await {
                Ok(true) => return self.begin(tokens, claims, headers),
                Ok(false) => {}
                Err(_) => is_away = Some(Denied::Away),
            }
            of_ticket = Some(claims.sub);
        }
        // EventSource reconnects to the same URL, whose ticket is void by then.
        let cookies = match of_ticket {
            Some(_) => &[Cookie::Stream, Cookie::Session][..],
            None => &[Cookie::Session],
        };
        let principal = self.of_cookies(tokens, cookies, headers, of_ticket.as_deref());
        // The ticket may be good.
        let principal = principal.map_err(|denied| is_away.unwrap_or(denied))?;
        if origin::is_other(headers) {
            return Err(Refusal::forbidden().into());
        }
        Ok(principal)
    }

    /// Returns an error if the user has logged out since it was authenticated, or its token has expired.
    pub fn check_again(&self, principal: &Principal) -> Result<(), Denied> {
        if principal.expiry.is_some_and(|expiry| expiry <= now()) {
            return Err(Refusal::unauthorized().into());
        }
        match &principal.user {
            Some(user) if self.logouts.is_void(user, principal.since) => Err(Denied::LoggedOut),
            _ => Ok(()),
        }
    }

    /// Returns what verifies tokens, `None` if there is no authentication; or refuses who reaches the demo
    /// by another name than one of this machine.
    fn tokens(&self, headers: &HeaderMap) -> Result<Option<&Tokens>, Refusal> {
        // Its passwords are known, so that it must not be reached through a proxy either.
        if self.is_demo && !origin::is_loopback(headers) {
            return Err(Refusal::forbidden());
        }
        Ok(self.tokens.as_ref())
    }

    async fn redeem(&self, ticket: &Claims) -> Result<bool, Unavailable> {
        let (now, Some(id)) = (now(), &ticket.jti) else {
            return Ok(false);
        };
        if ticket.exp <= now {
            return Ok(false);
        }
        match &self.redis {
            Some(redis) => redis.redeem(&ticket.sub, id).await,
            None => Ok(self.redeemed.redeem(&ticket.sub, id, ticket.exp, now)),
        }
    }

    fn of_cookies(
        &self,
        tokens: &Tokens,
        cookies: &[Cookie],
        headers: &HeaderMap,
        user: Option<&str>,
    ) -> Result<Principal, Denied> {
        let mut denied = Refusal::unauthorized().into();
        for cookie in cookies {
            let r#use = match cookie {
                Cookie::Session => Use::Access,
                Cookie::Stream => Use::Stream,
            };
            for token in cookie.values(headers) {
                match self.principal(tokens, token, r#use) {
                    Ok(principal) if user.is_none_or(|user| principal.is(user)) => {
                        let has_cookie = true;
                        return Ok(Principal {
                            has_cookie,
                            ..principal
                        });
                    }
                    Ok(_) => {}
                    Err(reason) => denied = reason,
                }
            }
        }
        Err(denied)
    }

    fn principal(&self, tokens: &Tokens, token: &str, r#use: Use) -> Result<Principal, Denied> {
        let claims = tokens.verify(token, r#use)?;
        let since = claims.since();
        if self.logouts.is_void(&claims.sub, since) {
            return Err(Denied::LoggedOut);
        }
        Ok(Principal {
            user: Some(claims.sub.into()),
            rights: claims.rights,
            expiry: Some(claims.exp),
            cookie: None,
            auth_time: claims.auth_time,
            since,
            has_cookie: false,
        })
    }
}

/// Returns the token of a bearer (RFC 6750, 2.1), if the request has the header.
fn bearer(headers: &HeaderMap) -> Option<Result<&str, Refusal>> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?;
    let token = value.to_str().ok().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        (scheme.eq_ignore_ascii_case("bearer") && values.next().is_none()).then_some(token)
    });
    Some(token.ok_or_else(Refusal::unauthorized))
}
