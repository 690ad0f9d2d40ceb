use super::*;

const TWO: Rule = Rule { limit: 2.0, period: Period::TenSeconds };

fn counted(limiter: &Limiter, now: u64, colo: &str, key: &str, rule: Rule) -> usize {
    (0..5).filter(|_| limiter.limit_at(now, colo, key, rule)).count()
}

#[test]
fn so_many_in_each_window() {
    let limits = RateLimits::default();
    let limiter = limits.limiter("a", "1", TWO);
    assert_eq!(counted(&limiter, 1_000, "FRA", "k", TWO), 2);
    assert_eq!(counted(&limiter, 9_999, "FRA", "k", TWO), 0);
    assert_eq!(counted(&limiter, 10_000, "FRA", "k", TWO), 2);
    // The other period's counts are others.
    let minute = Rule { limit: 3.0, period: Period::Minute };
    assert_eq!(counted(&limiter, 10_000, "FRA", "k", minute), 3);
    assert_eq!(counted(&limiter, 59_999, "FRA", "k", minute), 0);
    assert_eq!(counted(&limiter, 60_000, "FRA", "k", minute), 3);
    assert_eq!(counted(&limiter, 60_000, "FRA", "none", Rule { limit: 0.0, ..TWO }), 0);
}

#[test]
fn namespaces_are_shared_within_an_account_and_apart_otherwise() {
    let limits = RateLimits::default();
    let limiter = |account: &str, namespace: &str| limits.limiter(account, namespace, TWO);
    assert_eq!(counted(&limiter("a", "1"), 0, "FRA", "k", TWO), 2);
    assert_eq!(counted(&limiter("a", "1"), 0, "FRA", "k", TWO), 0, "another Worker's binding to the same namespace");
    assert_eq!(counted(&limiter("a", "1"), 0, "GRU", "k", TWO), 2, "another location");
    assert_eq!(counted(&limiter("a", "1"), 0, "FRA", "", TWO), 2, "another key");
    assert_eq!(counted(&limiter("a", "2"), 0, "FRA", "k", TWO), 2, "another namespace");
    assert_eq!(counted(&limiter("b", "1"), 0, "FRA", "k", TWO), 2, "another account");
}

#[test]
fn a_flood_of_keys_is_bounded_and_forgets_those_seen_least() {
    let mut table = Table::new(1000);
    table.turn(1);
    for _ in 0..50 {
        assert!(table.count(7, 50.0));
    }
    for key in 1_000..100_000 {
        assert!(table.count(key, 50.0));
    }
    assert_eq!(table.len(), 1000);
    assert!(!table.count(7, 50.0), "the key at its limit was forgotten");
    table.turn(2);
    assert_eq!(table.len(), 0);
}

#[test]
fn quiet_accounts_keep_nothing() {
    let limits = RateLimits::default();
    let (quiet, busy) = (limits.limiter("a", "1", TWO), limits.limiter("b", "1", TWO));
    quiet.limit_at(0, "FRA", "k", TWO);
    assert_eq!(lock(&quiet.account.tables[0]).len(), 1);
    busy.limit_at(10_000, "FRA", "k", TWO);
    assert_eq!(lock(&quiet.account.tables[0]).len(), 0);
}
