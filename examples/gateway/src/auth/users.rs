//! The users of a file, with the hashes of their passwords.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use serde::{Deserialize, Serialize};

use super::rights::Rights;
use crate::names;

/// The longest password, in bytes.
pub(super) const MAX_PASSWORD: usize = 1024;
/// 19 MiB, 2 passes, 1 lane: the first choice of OWASP's cheat sheet on password storage.
const COST: (u32, u32, u32) = (19 << 10, 2, 1);

/// The users, by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Users(BTreeMap<String, User>);

/// A user of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    /// As a PHC string, with algorithm, cost and salt.
    password: String,
    topics: Vec<String>,
    publish: Vec<String>,
}

impl Users {
    /// Reads a file.
    pub fn read(file: &Path) -> Result<Self, String> {
        let text = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let users: Self = serde_json::from_slice(&text)
            .map_err(|error| format!("{} is not a file of users: {error}", file.display()))?;
        for (name, user) in &users.0 {
            let is_valid = PasswordHash::new(&user.password).is_ok();
            if names::check("user", name).is_err() || !is_valid {
                return Err(format!("{}: user {name:?} is not valid", file.display()));
            }
        }
        Ok(users)
    }

    /// Writes a file that only its owner reads.
    pub fn write(&self, file: &Path) -> Result<(), String> {
        let describe = |error: std::io::Error| format!("{}: {error}", file.display());
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| error.to_string())?;
        text.push(b'\n');
        // Beside it first: a crash leaves the old file or the new one.
        let mut new = file.as_os_str().to_owned();
        new.push(".new");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut out = options.open(&new).map_err(describe)?;
        out.write_all(&text).map_err(describe)?;
        out.sync_all().map_err(describe)?;
        fs::rename(&new, file).map_err(describe)
    }

    /// Adds a user, or replaces one; returns whether there was one.
    pub fn set(&mut self, name: &str, password: &str, rights: Rights) -> Result<bool, String> {
        names::check("the name", name).map_err(|refusal| refusal.reason)?;
        if !(1..=MAX_PASSWORD).contains(&password.len()) {
            return Err(format!("a password has 1 to {MAX_PASSWORD} bytes"));
        }
        let user = User {
            password: hash(password)?,
            topics: rights.topics,
            publish: rights.publish,
        };
        Ok(self.0.insert(name.to_owned(), user).is_some())
    }

    /// Returns whether a user has this name.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Returns what a user may do.
    pub fn rights(&self, name: &str) -> Option<Rights> {
        let user = self.0.get(name)?;
        Some(Rights {
            topics: user.topics.clone(),
            publish: user.publish.clone(),
        })
    }

    /// Returns the rights of a user with this password. A name that is unknown takes as long.
    pub fn verify(&self, name: &str, password: &str) -> Option<Rights> {
        let user = self.0.get(name);
        let compared = user.or_else(|| self.0.values().next())?;
        let hash = PasswordHash::new(&compared.password).ok()?;
        let is_right = argon2().verify_password(password.as_bytes(), &hash).is_ok();
        (user.is_some() && is_right).then(|| self.rights(name))?
    }
}

fn argon2() -> Argon2<'static> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &str) -> Result<String, String> {
    let hash = argon2().hash_password(password.as_bytes());
    Ok(hash.map_err(|error| error.to_string())?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn time(users: &Users, name: &str) -> Duration {
        let begin = Instant::now();
        assert_eq!(users.verify(name, "wrong"), None);
        begin.elapsed()
    }

    #[test]
    fn an_unknown_name_takes_as_long_as_a_wrong_password() {
        let mut users = Users::default();
        users
            .set("ann", "right", Rights::all())
            .expect("it is added");
        assert_eq!(users.verify("ann", "right"), Some(Rights::all()));
        assert_eq!(users.verify("bob", "right"), None);
        // The shortest of some attempts is the least disturbed.
        let times = (0..8).map(|_| (time(&users, "ann"), time(&users, "bob")));
        let shortest = times.reduce(|(a, b), (c, d)| (a.min(c), b.min(d)));
        let (known, unknown) = shortest.expect("some attempts");
        // Without the work, it would take a thousandth.
        assert!(unknown > known / 20, "{unknown:?} {known:?}");
    }
}
