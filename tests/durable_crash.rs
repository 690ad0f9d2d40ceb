//! A Durable Object under `kill -9`: what was acknowledged is there, in one order that everybody agrees on, and nothing is torn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use harness::{Dev, Project};

const CONFIG: &str = "[[durable_objects.bindings]]\nname = \"REGISTER\"\nclass_name = \"Register\"\n\
                      [[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"Register\"]\n";

/// `left` and `right` are written without an await between them; `history` is a row for each addition.
const WORKER: &str = r#"
    import { DurableObject } from "cloudflare:workers";
    export class Register extends DurableObject {
      constructor(ctx, env) {
        super(ctx, env);
        ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS history (value INTEGER PRIMARY KEY)");
      }
      async add() {
        const value = ((await this.ctx.storage.get("left")) ?? 0) + 1;
        this.ctx.storage.put("left", value);
        this.ctx.storage.put("right", value);
        this.ctx.storage.sql.exec("INSERT INTO history VALUES (?)", value);
        return value;
      }
      async read() { return (await this.ctx.storage.get("right")) ?? 0; }
      async check() {
        const { sql } = this.ctx.storage;
        const { count, last } = sql.exec("SELECT count(*) AS count, ifnull(max(value), 0) AS last FROM history").one();
        return { left: (await this.ctx.storage.get("left")) ?? 0, right: await this.read(), count, last };
      }
    }
    export default {
      async fetch(request, env) {
        const stub = env.REGISTER.getByName("one");
        return Response.json(await stub[new URL(request.url).pathname.slice(1)]());
      },
    };
"#;

/// An operation as a client saw it.
#[derive(Debug)]
struct Operation {
    began: Instant,
    /// When the answer was there, and what it said; `None`: it never came.
    ended: Option<(Instant, u64)>,
    adds: bool,
}

#[tokio::test]
async fn a_register_is_linearizable_under_crashes() {
    let project = Project::configured(CONFIG, WORKER);
    let mut history = Vec::new();
    for _ in 0..5 {
        let mut dev = Dev::start(&project).await;
        let found = dev.json("/check").await;
        let value = found["left"].as_u64().expect("a number");
        for half in ["right", "count", "last"] {
            assert_eq!(found[half], value, "a torn write: {found}");
        }
        assert!(value >= acknowledged(&history), "{value} after {} was acknowledged", acknowledged(&history));

        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> =
            (0..6).map(|client| tokio::spawn(load(dev.client(), client % 3 != 0, stop.clone()))).collect();
        tokio::time::sleep(Duration::from_millis(400)).await;
        dev.kill().await;
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            history.extend(client.await.expect("a client"));
        }
    }
    let done = history.iter().filter(|operation| operation.ended.is_some()).count();
    assert!(done > 60, "only {done} operations were answered: that proves little");
    check(&history);
}

async fn load(mut client: harness::Client, adds: bool, stop: Arc<AtomicBool>) -> Vec<Operation> {
    let mut history = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let answer = client.try_text(if adds { "/add" } else { "/read" }).await;
        let ended = answer.and_then(|text| Some((Instant::now(), text.parse().ok()?)));
        let lost = ended.is_none();
        history.push(Operation { began, ended, adds });
        if lost {
            break;
        }
    }
    history
}

/// The highest value that anybody was told.
fn acknowledged(history: &[Operation]) -> u64 {
    history.iter().filter_map(|operation| operation.ended).map(|(_, value)| value).max().unwrap_or(0)
}

/// Each addition takes effect once, between its begin and its end, and each read sees all that ended before it began. For a
/// counter that only goes up by one, values are places in the one order, so that it is enough to look at each pair.
fn check(history: &[Operation]) {
    let mut added: Vec<u64> = Vec::new();
    for operation in history {
        if let Some((_, value)) = operation.ended.filter(|_| operation.adds) {
            added.push(value);
        }
    }
    added.sort_unstable();
    assert!(added.windows(2).all(|pair| pair[0] < pair[1]), "two additions were told the same value");
    for before in history {
        let Some((ended, value)) = before.ended else { continue };
        for after in history.iter().filter(|after| after.began > ended) {
            let Some((_, later)) = after.ended else { continue };
            let ordered = if after.adds { value < later } else { value <= later };
            assert!(ordered, "{before:?} had ended before {after:?} began");
        }
    }
    let attempts = history.iter().filter(|operation| operation.adds).count() as u64;
    assert!(acknowledged(history) <= attempts, "more additions than were asked for");
}
