//! The example counter: counts by name, and goes on where it was after a crash.

use harness::{Dev, Project};
use serde_json::json;

#[tokio::test]
async fn counters_count_and_last() {
    let project = Project::copy_of("examples/counter");
    let mut dev = Dev::start(&project).await;
    for value in 1..=3 {
        assert_eq!(dev.json("/visits/increment").await, json!({ "name": "visits", "value": value }));
    }
    assert_eq!(dev.json("/others").await, json!({ "name": "others", "value": 0 }));
    dev.kill().await;
    let dev = Dev::start(&project).await;
    assert_eq!(dev.json("/visits").await, json!({ "name": "visits", "value": 3 }));
    assert_eq!(dev.json("/visits/decrement").await, json!({ "name": "visits", "value": 2 }));
    for path in ["/", "/visits/square", "/visits/increment/more"] {
        assert_eq!(dev.get(path).send().await.status(), 404, "{path}");
    }
}
