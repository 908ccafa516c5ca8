//! `gateway token` and `gateway user`: tokens to try, and the file of users.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use crate::auth::{Claims, Rights, Secret, Tokens, Use, Users, VARIABLE, now};
use crate::duration;
use crate::names;

/// Prints a token, signed with the secret of the server.
///
/// Send it as `Authorization: Bearer TOKEN`. Rights are names of topics: `orders.*` stands for all that
/// begin with `orders.`, and `*` for all.
///
///   export GATEWAY_SECRET=$(openssl rand -hex 32)
///   gateway &
///   gateway token ann --topic news --publish news
#[derive(clap::Args, Debug, Clone)]
#[command(verbatim_doc_comment)]
pub struct Token {
    /// The user.
    pub name: String,
    #[command(flatten)]
    rights: RightsOptions,
    /// How long the token is valid.
    #[arg(long, default_value = "1h", value_name = "DURATION", value_parser = duration::parse_positive)]
    pub lifetime: Duration,
    /// File with the secret; or the variable GATEWAY_SECRET.
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// The audience of the server.
    #[arg(long, default_value = "gateway", value_name = "NAME")]
    pub audience: String,
}

/// Changes a file of users.
#[derive(clap::Args, Debug, Clone)]
#[command(arg_required_else_help = false)]
pub struct User {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(clap::Subcommand, Debug, Clone)]
enum UserCommand {
    Add(Add),
}

/// Adds a user, whose password it asks for, or reads from standard input.
///
/// The file is created if there is none; it contains hashes of passwords (Argon2id). A server reads it
/// at its start.
#[derive(clap::Args, Debug, Clone)]
struct Add {
    /// The file that the server is given with --users.
    file: PathBuf,
    /// The user.
    name: String,
    #[command(flatten)]
    rights: RightsOptions,
    /// Replaces a user of this name, with all its rights.
    #[arg(long)]
    replace: bool,
}

#[derive(clap::Args, Debug, Clone)]
struct RightsOptions {
    /// A topic that the user may read, `orders.*` for all that begin with `orders.`, or `*` for all;
    /// repeatable.
    #[arg(long = "topic", value_name = "TOPIC")]
    topics: Vec<String>,
    /// A topic on which the user may publish, in the same form; repeatable.
    #[arg(long, value_name = "TOPIC")]
    publish: Vec<String>,
}

/// Prints a token.
///
/// # Errors
///
/// There is no secret, or the name is not valid.
pub fn token(options: &Token) -> Result<(), String> {
    names::check("the name", &options.name).map_err(|refusal| refusal.reason)?;
    let secret = Secret::read(options.secret_file.as_deref())?.ok_or_else(|| {
        format!("give the secret of the server in {VARIABLE} or by --secret-file")
    })?;
    let now = now();
    let claims = Claims {
        sub: options.name.clone(),
        exp: now + options.lifetime.as_secs_f64(),
        iat: now,
        auth_time: None,
        session_exp: None,
        jti: None,
        rights: options.rights.to_rights()?,
    };
    let token = Tokens::new(&secret, &options.audience)?.sign(&claims, Use::Access)?;
    print(&token)
}

/// Changes a file of users.
///
/// # Errors
///
/// The file cannot be read or written, or there is such a user.
pub fn user(options: &User) -> Result<(), String> {
    let UserCommand::Add(options) = &options.command;
    let file = &options.file;
    let mut users = match file.exists() {
        true => Users::read(file)?,
        false => Users::default(),
    };
    let name = &options.name;
    if users.contains(name) && !options.replace {
        let file = file.display();
        return Err(format!(
            "{file} has a user {name:?}; replace it with --replace"
        ));
    }
    let rights = options.rights.to_rights()?;
    let password = read_password(name)?;
    let is_replaced = users.set(name, &password, rights)?;
    users.write(file)?;
    let (done, file) = (
        ["added", "replaced"][usize::from(is_replaced)],
        file.display(),
    );
    print(&format!(
        "{done} {name:?} in {file}; restart the server to use it"
    ))
}

impl RightsOptions {
    fn to_rights(&self) -> Result<Rights, String> {
        for (option, topics) in [("--topic", &self.topics), ("--publish", &self.publish)] {
            for topic in topics {
                names::check(option, topic).map_err(|refusal| refusal.reason)?;
            }
        }
        if self.topics.is_empty() && self.publish.is_empty() {
            return Err(
                "a user without rights can do nothing: give --topic or --publish".to_owned(),
            );
        }
        Ok(Rights {
            topics: self.topics.clone(),
            publish: self.publish.clone(),
        })
    }
}

fn read_password(name: &str) -> Result<String, String> {
    let describe = |error: io::Error| format!("the password cannot be read: {error}");
    if io::stdin().is_terminal() {
        let password = rpassword::prompt_password(format!("Password of {name}: "));
        return password.map_err(describe);
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(describe)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn print(line: &str) -> Result<(), String> {
    writeln!(io::stdout(), "{line}").map_err(|error| error.to_string())
}
