//! The secret that signs tokens.

use std::fmt;
use std::path::Path;

/// The variable with the secret.
pub const VARIABLE: &str = "GATEWAY_SECRET";
/// As long as the hash of HS256, in bytes (RFC 7518, 3.2).
const MIN_LEN: usize = 32;

/// The secret that signs tokens. It is never shown.
pub struct Secret(Vec<u8>);

impl Secret {
    /// Reads the secret from a file, or from the environment; `None` if there is neither.
    pub fn read(file: Option<&Path>) -> Result<Option<Self>, String> {
        let (bytes, place) = match file {
            Some(file) => {
                let bytes = std::fs::read(file)
                    .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
                (bytes, file.display().to_string())
            }
            None => match std::env::var_os(VARIABLE) {
                Some(value) => (value.into_encoded_bytes(), VARIABLE.to_owned()),
                None => return Ok(None),
            },
        };
        let secret = bytes.trim_ascii();
        if secret.len() < MIN_LEN {
            let len = secret.len();
            return Err(format!(
                "the secret in {place} has {len} bytes; at least {MIN_LEN} are needed: \
                 openssl rand -hex 32"
            ));
        }
        Ok(Some(Self(secret.to_vec())))
    }

    /// Makes one that ends with the process.
    pub fn random() -> Result<Self, String> {
        let mut bytes = vec![0; MIN_LEN];
        getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
        Ok(Self(bytes))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}
