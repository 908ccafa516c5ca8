//! Verifies passwords one at a time, so that many logins take the processor from no stream.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use tokio::sync::oneshot;

use super::rights::Rights;
use super::users::{Memory, Users};

/// How many logins wait for the one that is verified.
const WAITING: usize = 32;
/// The threads of the streams come first, and have ten times as much of a processor that both want: so
/// that logins are slow on a busy machine, and not impossible.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// The users, and a thread of its own that verifies their passwords.
#[derive(Debug)]
pub(super) struct Passwords {
    pub(super) users: Arc<Users>,
    queue: SyncSender<Attempt>,
}

struct Attempt {
    name: String,
    password: String,
    answer: oneshot::Sender<Option<Rights>>,
}

/// The error of a login when too many wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Busy;

impl Passwords {
    pub(super) fn new(users: Users) -> Result<Self, String> {
        let users = Arc::new(users);
        let (queue, attempts) = sync_channel(WAITING);
        let verifier = users.clone();
        thread::Builder::new()
            .name("passwords".to_owned())
            .spawn(move || verify_all(&verifier, &attempts))
            .map_err(|error| error.to_string())?;
        Ok(Self { users, queue })
    }

    /// Returns the rights of a user with this password.
    pub(super) async fn verify(
        &self,
        name: String,
        password: String,
    ) -> Result<Option<Rights>, Busy> {
        let (answer, rights) = oneshot::channel();
        let attempt = Attempt {
            name,
            password,
            answer,
        };
        self.queue.try_send(attempt).map_err(|_| Busy)?;
        rights.await.map_err(|_| Busy)
    }
}

fn verify_all(users: &Users, attempts: &Receiver<Attempt>) {
    // An error changes only who waits.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
    let mut memory = Memory::default();
    while let Ok(attempt) = attempts.recv() {
        // Nobody waits any more for one whose client has left.
        if !attempt.answer.is_closed() {
            let rights = users.verify(&attempt.name, &attempt.password, &mut memory);
            let _ = attempt.answer.send(rights);
        }
    }
}
