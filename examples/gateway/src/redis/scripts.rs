//! What Redis does at once: see the files beside this one.

use redis::Script;

/// The scripts.
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) attach: Script,
    pub(super) check: Script,
    pub(super) publish: Script,
    pub(super) trim: Script,
    pub(super) history: Script,
    pub(super) logout: Script,
    pub(super) renew: Script,
    pub(super) ticket: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        let of_log = |code: &str| Script::new(&[include_str!("scripts/common.lua"), code].concat());
        Self {
            attach: of_log(include_str!("scripts/attach.lua")),
            check: of_log(include_str!("scripts/check.lua")),
            publish: of_log(include_str!("scripts/publish.lua")),
            trim: of_log(include_str!("scripts/trim.lua")),
            history: of_log(include_str!("scripts/history.lua")),
            logout: of_log(include_str!("scripts/logout.lua")),
            renew: of_log(include_str!("scripts/renew.lua")),
            ticket: Script::new(include_str!("scripts/ticket.lua")),
        }
    }
}
