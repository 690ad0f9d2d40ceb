//! What an operator may change while Workers run.

use std::collections::HashMap;

use ipnet::IpNet;
use webapi::fetch::{Outbound, Policy};

use crate::{Plans, Zone};

#[derive(Clone, Debug)]
pub struct Settings {
    pub zones: Vec<Zone>,
    pub plans: Plans,
    /// What Workers may connect to.
    pub policy: Policy,
    /// What some accounts' Workers may connect to besides, by the accounts' ids.
    pub allowed: HashMap<String, Vec<IpNet>>,
}

/// The settings as they hold, with the ways out that they make.
pub(crate) struct InForce {
    pub(crate) settings: Settings,
    outbound: Outbound,
    outbounds: HashMap<String, Outbound>,
}

// === impl Settings ===

impl Settings {
    /// Whether Workers run under the same rules.
    pub(crate) fn binds_alike(&self, other: &Self) -> bool {
        self.plans == other.plans && self.policy == other.policy && self.allowed == other.allowed
    }
}

// === impl InForce ===

impl InForce {
    pub(crate) fn new(settings: Settings) -> Self {
        let outbound = |(account, allow): (&String, &Vec<IpNet>)| {
            let allow = allow.iter().chain(&settings.policy.allow).copied().collect();
            (account.clone(), Outbound::new(Policy { allow, ..settings.policy.clone() }))
        };
        let outbounds = settings.allowed.iter().map(outbound).collect();
        Self { outbound: Outbound::new(settings.policy.clone()), outbounds, settings }
    }

    /// The way out of an account's Workers.
    pub(crate) fn outbound(&self, account: &str) -> Outbound {
        self.outbounds.get(account).unwrap_or(&self.outbound).clone()
    }
}
