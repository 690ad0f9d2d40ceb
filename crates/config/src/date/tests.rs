use super::CompatibilityDate;

#[test]
fn only_real_days_up_to_today_are_dates() {
    let today = CompatibilityDate::from_days_since_epoch(20_513);
    assert_eq!(today.to_string(), "2026-03-01");
    let leap = CompatibilityDate::from_days_since_epoch(19_782);
    assert_eq!((leap.year(), leap.month(), leap.day()), (2024, 2, 29));
    assert!(leap < today && CompatibilityDate::today() >= today);

    for good in ["2026-03-01", "2024-02-29", "2021-11-02"] {
        let date = CompatibilityDate::parse(good, today).expect(good);
        assert_eq!(date.to_string(), good);
    }
    let bad = [
        ("2026-03-02", "Can't set compatibility date in the future: \"2026-03-02\""),
        ("2023-02-29", "YYYY-MM-DD"),
        ("2023-13-01", "YYYY-MM-DD"),
        ("2023-00-10", "YYYY-MM-DD"),
        ("2023-1-1", "YYYY-MM-DD"),
        ("20230101", "YYYY-MM-DD"),
        ("２０２３-01-01", "YYYY-MM-DD"),
        ("2023\u{2013}01\u{2013}01", "hyphens"),
        ("1999-01-01", "before Workers existed"),
    ];
    for (text, reason) in bad {
        let error = CompatibilityDate::parse(text, today).expect_err(text);
        assert!(error.contains(reason), "{text}: {error}");
    }
}
