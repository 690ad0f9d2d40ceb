//! The example rate-limiter: a hundred requests a minute for each client, and not one more.

use harness::{Dev, Project};

#[tokio::test]
async fn the_hundred_and_first_request_waits() {
    let project = Project::copy_of("examples/rate-limiter");
    let dev = Dev::start(&project).await;
    let answers = futures::future::join_all((0..120).map(|_| dev.get("/").send())).await;
    let welcome = answers.iter().filter(|answer| answer.status() == 200).count();
    assert_eq!(welcome, 100, "of 120 at once");
    let refused = dev.get("/").send().await;
    assert_eq!(refused.status(), 429);
    let wait: u32 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(refused.headers()["x-ratelimit-remaining"], "0");
}
