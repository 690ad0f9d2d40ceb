//! What of the configuration may change while a server runs: zones, plans, what Workers may connect to.

use std::collections::HashMap;

use ::config::ServerConfig;
use ipnet::IpNet;
use platform::{Origin, Plan, Plans, Settings, Zone};
use registry::{Account, Registry};
use webapi::fetch::Policy;

pub fn read(config: &ServerConfig, registry: &Registry) -> Result<Settings, String> {
    let allow_private = config.outbound.allow_private.unwrap_or(false);
    let Allowed { all, some } = allowed(config, registry)?;
    let policy = Policy { allow_private, allow: all, ..Policy::public() };
    Ok(Settings { zones: zones(config, registry)?, plans: plans(config), policy, allowed: some })
}

/// The zones of the configuration, each with the account that it belongs to.
fn zones(config: &ServerConfig, registry: &Registry) -> Result<Vec<Zone>, String> {
    let accounts = accounts(registry)?;
    let zone = |zone: &::config::server::ZoneConfig| {
        let name = &zone.name.0;
        let found = match &zone.account {
            Some(named) => named_account(&accounts, named),
            None => accounts.first(),
        };
        let account = found.ok_or_else(|| format!("zones: the zone {name} names an account that is not there"))?;
        let made = Zone::new(name, &account.id);
        Ok(match &zone.origin {
            Some(origin) => made.with_origin(Origin::new(origin.0.clone())),
            None => made,
        })
    };
    config.zones.iter().map(zone).collect()
}

fn accounts(registry: &Registry) -> Result<Vec<Account>, String> {
    registry.accounts().map_err(|error| format!("the accounts can't be read: {error}"))
}

/// The account with this id or name.
fn named_account<'a>(accounts: &'a [Account], named: &str) -> Option<&'a Account> {
    accounts.iter().find(|account| account.id == named || account.name == named)
}

/// What may be connected to though it is not public: by all Workers, and by those of some accounts.
struct Allowed {
    all: Vec<IpNet>,
    some: HashMap<String, Vec<IpNet>>,
}

fn allowed(config: &ServerConfig, registry: &Registry) -> Result<Allowed, String> {
    let accounts = accounts(registry)?;
    let (mut all, mut some) = (Vec::new(), HashMap::<String, Vec<IpNet>>::new());
    for allow in &config.outbound.allow {
        let list = match &allow.account {
            None => &mut all,
            Some(named) => {
                let account = named_account(&accounts, named);
                let missing = || format!("outbound.allow names the account {named:?}, which is not there");
                some.entry(account.ok_or_else(missing)?.id.clone()).or_default()
            }
        };
        list.extend(allow.networks.iter().map(|network| network.0));
    }
    Ok(Allowed { all, some })
}

fn plans(config: &ServerConfig) -> Plans {
    let mut plans = Plans::default();
    for (name, plan) in &config.plans {
        let base = plans.0.get(name).cloned().unwrap_or_else(Plan::paid);
        let plan = Plan {
            cpu: plan.cpu_ms.map_or(base.cpu, |millis| millis.0),
            max_cpu: plan.max_cpu_ms.map_or(base.max_cpu, |millis| millis.0),
            memory_bytes: plan.memory_mb.map_or(base.memory_bytes, |megabytes| megabytes.0),
            subrequests: plan.subrequests.unwrap_or(base.subrequests),
            script_bytes: plan.script_mb.map_or(base.script_bytes, |megabytes| megabytes.0),
            asset_files: plan.asset_files.map_or(base.asset_files, |files| files as usize),
            scripts: plan.scripts.map_or(base.scripts, |scripts| scripts as usize),
            concurrent_requests: plan.concurrent_requests.map(|most| most as usize).or(base.concurrent_requests),
            requests_per_second: plan.requests_per_second.or(base.requests_per_second),
            account_concurrent_requests: plan
                .account_concurrent_requests
                .map(|most| most as usize)
                .or(base.account_concurrent_requests),
            account_requests_per_second: plan.account_requests_per_second.or(base.account_requests_per_second),
            requests_per_day: plan.requests_per_day.map(u64::from).or(base.requests_per_day),
            storage_bytes: plan.storage_mb.map(|megabytes| u64::from(megabytes) << 20).or(base.storage_bytes),
        };
        plans.0.insert(name.clone(), plan);
    }
    plans
}
