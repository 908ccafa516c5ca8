//! The users of `--demo`.

use super::rights::Rights;
use super::users::Users;

/// Name, password and rights: topics to read, topics to publish on.
const DEMO: [(&str, &str, &[&str], &[&str]); 2] = [
    ("ann", "ann-demo", &["*"], &["*"]),
    ("bob", "bob-demo", &["news", "bob.*"], &[]),
];

/// Returns names and passwords.
pub(super) fn names_and_passwords() -> impl Iterator<Item = (&'static str, &'static str)> {
    DEMO.iter().map(|(name, password, ..)| (*name, *password))
}

/// Returns the users, with hashes of their passwords.
pub(super) fn users() -> Result<Users, String> {
    let mut users = Users::default();
    for (name, password, topics, publish) in DEMO {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let rights = Rights {
            topics: owned(topics),
            publish: owned(publish),
        };
        users.set(name, password, rights)?;
    }
    Ok(users)
}
