//! More Durable Objects than fit: those that are idle leave memory, and come back with what they had.

use std::process::Stdio;
use std::time::Duration;

use harness::{Client, Project};
use tokio::io::{AsyncBufReadExt, BufReader};

const CONFIG: &str = "[[durable_objects.bindings]]\nname = \"COUNTERS\"\nclass_name = \"Counter\"\n\
                      [[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"Counter\"]\n";

const WORKER: &str = r#"
    import { DurableObject } from "cloudflare:workers";
    export class Counter extends DurableObject {
      async add() {
        const value = ((await this.ctx.storage.get("value")) ?? 0) + 1;
        this.ctx.storage.put("value", value);
        return value;
      }
    }
    export default {
      async fetch(request, env) {
        const name = new URL(request.url).pathname;
        return new Response(await env.COUNTERS.getByName(name).add());
      },
    };
"#;

/// A process that may open so few files that a tenth of the objects take them all.
#[tokio::test]
async fn idle_objects_make_room_for_others() {
    const OBJECTS: usize = 300;
    let project = Project::configured(CONFIG, WORKER);
    let skerry = harness::binary();
    let command = format!("ulimit -n 700 && exec {} dev --ip 127.0.0.1 --port 0 \"$0\"", skerry.display());
    let mut child = tokio::process::Command::new("sh")
        .args(["-c", &command])
        .arg(project.path())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("sh starts");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    let address = loop {
        let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await.expect("a line in time");
        let line = line.expect("stdout is read").expect("it listens before it ends");
        if let Some((_, address)) = line.split_once("Ready on http://") {
            break address.trim().parse().expect("an address");
        }
    };
    let mut client = Client::new(address);
    for round in 1..=2 {
        for object in 0..OBJECTS {
            let value = client.try_text(&format!("/{object}")).await;
            assert_eq!(value.as_deref(), Some(round.to_string().as_str()), "object {object}");
        }
    }
    let open = std::fs::read_dir(format!("/proc/{}/fd", child.id().expect("it runs"))).expect("its files").count();
    assert!(open < 700, "{open}");
}
