//! How many requests all Workers of an account together are let in: at a time, in a second, and in a day, which begins at midnight UTC.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use registry::Stamp;

use crate::gate::{Gate, Pass, Turned};
use crate::{Plan, Platform};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// By the accounts' ids.
#[derive(Default)]
pub(crate) struct AccountGates(Mutex<HashMap<String, Arc<AccountGate>>>);

#[derive(Debug)]
pub(crate) struct AccountGate {
    gate: Arc<Gate>,
    per_day: Option<u64>,
    /// What the gate was made of.
    plan: (Option<usize>, Option<u32>, Option<u64>),
    today: Arc<Mutex<Today>>,
}

/// The requests of a day.
#[derive(Debug, Default)]
struct Today {
    /// Days since the Unix epoch.
    day: i64,
    requests: u64,
}

// === impl AccountGate ===

impl AccountGate {
    fn new(plan: &Plan, today: Arc<Mutex<Today>>) -> Self {
        Self {
            gate: Gate::of(plan.account_concurrent_requests, plan.account_requests_per_second),
            per_day: plan.requests_per_day,
            plan: limits(plan),
            today,
        }
    }

    pub(crate) fn enter(&self) -> Result<Pass, Turned> {
        let pass = self.gate.enter()?;
        match self.counts(Stamp::now().0) {
            true => Ok(pass),
            false => Err(Turned::Spent),
        }
    }

    /// Counts a request. `false`: the day has none left.
    fn counts(&self, now: i64) -> bool {
        let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        let day = now.div_euclid(DAY);
        // A clock that was set back begins no day anew.
        if day > today.day {
            *today = Today { day, requests: 0 };
        }
        if self.per_day.is_some_and(|most| today.requests >= most) {
            return false;
        }
        today.requests += 1;
        true
    }
}

fn limits(plan: &Plan) -> (Option<usize>, Option<u32>, Option<u64>) {
    (plan.account_concurrent_requests, plan.account_requests_per_second, plan.requests_per_day)
}

/// Seconds until the next day begins.
pub(crate) fn seconds_left() -> i64 {
    ((DAY - Stamp::now().0.rem_euclid(DAY)) / 1000).max(1)
}

// === impl Platform ===

impl Platform {
    /// The gate of an account, as its plan has it now. What is counted of the day stays when the plan changes.
    pub(crate) fn account_gate(&self, account: &str) -> Result<Arc<AccountGate>, registry::Error> {
        let plan = self.plan(account)?;
        let known = self.gates().get(account).cloned();
        if let Some(gate) = known.as_ref().filter(|gate| gate.plan == limits(&plan)) {
            return Ok(gate.clone());
        }
        let today = match known {
            Some(gate) => gate.today.clone(),
            None => {
                let day = Stamp::now().0.div_euclid(DAY);
                let requests = self.0.history.requests_since(account, day * DAY / 60_000)?;
                Arc::new(Mutex::new(Today { day, requests }))
            }
        };
        let mut gates = self.gates();
        // Another may have been as quick: both count the same day.
        let today = gates.get(account).map_or(today, |gate| gate.today.clone());
        let gate = Arc::new(AccountGate::new(&plan, today));
        gates.insert(account.to_owned(), gate.clone());
        Ok(gate)
    }

    /// Requests that were let in since midnight UTC.
    pub fn requests_today(&self, account: &str) -> Result<u64, registry::Error> {
        let gate = self.account_gate(account)?;
        let today = gate.today.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(if today.day == Stamp::now().0.div_euclid(DAY) { today.requests } else { 0 })
    }

    fn gates(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<AccountGate>>> {
        self.0.account_gates.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_so_many_requests() {
        let plan = Plan { requests_per_day: Some(2), ..Plan::free() };
        let gate = AccountGate::new(&plan, Arc::default());
        let noon = 20_000 * DAY + DAY / 2;
        assert_eq!([gate.counts(noon), gate.counts(noon), gate.counts(noon)], [true, true, false]);
        assert!(!gate.counts(noon + DAY / 2 - 1));
        assert!(!gate.counts(noon - DAY), "a clock that was set back");
        assert!(gate.counts(noon + DAY / 2));
        // A new plan counts on.
        let more = AccountGate::new(&Plan { requests_per_day: Some(3), ..Plan::free() }, gate.today.clone());
        assert_eq!([more.counts(noon + DAY), more.counts(noon + DAY), more.counts(noon + DAY)], [true, true, false]);
    }

    #[test]
    fn who_is_turned_away_gives_its_place_back() {
        let plan = Plan { account_concurrent_requests: Some(1), requests_per_day: Some(1), ..Plan::free() };
        let gate = AccountGate::new(&plan, Arc::default());
        let inside = gate.enter().unwrap();
        assert_eq!(gate.enter().unwrap_err(), Turned::TooMany);
        drop(inside);
        assert_eq!(gate.enter().unwrap_err(), Turned::Spent);
        assert_eq!(gate.enter().unwrap_err(), Turned::Spent);
    }
}
