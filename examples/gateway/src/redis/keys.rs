//! The names of what the gateways have in Redis.

/// The names; all are in one slot of a cluster.
#[derive(Debug)]
pub(super) struct Keys {
    prefix: String,
    pub(super) log: String,
    pub(super) state: String,
    pub(super) ended: String,
    pub(super) logouts: String,
    pub(super) channel: String,
}

impl Keys {
    pub(super) fn new(name: &str) -> Self {
        let prefix = format!("{{{name}}}:");
        let key = |suffix: &str| format!("{prefix}{suffix}");
        Self {
            log: key("log"),
            state: key("state"),
            ended: key("ended"),
            logouts: key("logouts"),
            channel: key("events"),
            prefix,
        }
    }

    /// What was published with a key of a publisher.
    pub(super) fn published(&self, key: &str) -> String {
        format!("{}key:{key}", self.prefix)
    }

    pub(super) fn ticket(&self, id: &str) -> String {
        format!("{}ticket:{id}", self.prefix)
    }

    /// How many tickets a user has had.
    pub(super) fn tickets(&self, user: &str) -> String {
        format!("{}tickets:{user}", self.prefix)
    }

    /// Until when the streams of a user were just renewed, with these rights.
    pub(super) fn renewed(&self, user: &str, rights: &str) -> String {
        format!("{}renewed:{rights}:{user}", self.prefix)
    }
}
