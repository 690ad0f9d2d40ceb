//! Point-in-time recovery of Durable Objects: bookmarks, and instances that begin with an earlier state, also when the process is
//! killed at any moment.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::{Dev, Project};
use serde_json::json;

const CONFIG: &str = r#"
[[durable_objects.bindings]]
name = "NOTES"
class_name = "Notes"
[[durable_objects.bindings]]
name = "PLAIN"
class_name = "Plain"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Notes"]
new_classes = ["Plain"]
"#;

/// `/method/argument/…` calls a method of the one object.
const WORKER: &str = r#"
    import { DurableObject } from "cloudflare:workers";
    const attempt = async (work) => { try { return await work(); } catch (error) { return `${error.name}: ${error.message}`; } };
    export class Notes extends DurableObject {
      constructor(ctx, env) {
        super(ctx, env);
        ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, text TEXT)");
      }
      // Both halves in one step: they are never apart.
      write(text) {
        this.ctx.storage.sql.exec("INSERT INTO note (text) VALUES (?)", text.padEnd(3000, "."));
        this.ctx.storage.kv.put("last", text);
        return text;
      }
      read() {
        const { count, text } = this.ctx.storage.sql.exec("SELECT count(*) AS count, (SELECT text FROM note ORDER BY id DESC LIMIT 1) AS text FROM note").one();
        return { count, text: text?.replaceAll(".", "") ?? null, last: this.ctx.storage.kv.get("last") ?? null };
      }
      bookmark() { return this.ctx.storage.getCurrentBookmark(); }
      // The bookmark is of the state at the end of the step: with what is written after it was asked for.
      async writeAfter(text) { const bookmark = this.ctx.storage.getCurrentBookmark(); this.write(text); return await bookmark; }
      bookmarkAt(time) { return attempt(() => this.ctx.storage.getBookmarkForTime(new Date(time))); }
      restore(bookmark) { return attempt(() => this.ctx.storage.onNextSessionRestoreBookmark(bookmark)); }
      abort() { this.ctx.abort("to restore"); }
      setAlarm(ms) { return this.ctx.storage.setAlarm(Date.now() + ms); }
      getAlarm() { return this.ctx.storage.getAlarm(); }
      async inTransaction() { return attempt(() => this.ctx.storage.transaction(async () => this.ctx.storage.getCurrentBookmark())); }
      async wrong() {
        return [await attempt(() => this.ctx.storage.getBookmarkForTime()), await attempt(() => this.ctx.storage.getBookmarkForTime("x"))];
      }
      alarm() { this.ctx.storage.kv.put("rang", true); }
      rang() { return this.ctx.storage.kv.get("rang") === true; }
    }
    export class Plain extends DurableObject {
      async all() {
        const { storage } = this.ctx;
        return [await attempt(() => storage.getCurrentBookmark()), await attempt(() => storage.getBookmarkForTime(1)), await attempt(() => storage.onNextSessionRestoreBookmark("x"))];
      }
    }
    export default {
      async fetch(request, env) {
        const [, method, ...args] = new URL(request.url).pathname.split("/").map(decodeURIComponent);
        try {
          if (method === "plain") return Response.json(await env.PLAIN.getByName("one").all());
          const other = args[0] === "other" && args.shift() ? "other" : "one";
          return Response.json((await env.NOTES.getByName(other)[method](...args.map((arg) => JSON.parse(arg)))) ?? null);
        } catch (error) {
          return new Response(`${error.name}: ${error.message}`, { status: 500 });
        }
      },
    };
"#;

const NO_HISTORY: &str = "Error: This Durable Object's storage back-end does not implement point-in-time recovery.";

fn text(json: &str) -> String {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("no JSON string ({error}): {json}"))
}

async fn restart(dev: &Dev) {
    assert_eq!(dev.text("/abort").await, "Error: to restore");
}

#[tokio::test]
async fn an_object_goes_back_to_a_bookmark_and_forth_again() {
    let project = Project::configured(CONFIG, WORKER);
    let dev = Dev::start(&project).await;
    assert_eq!(dev.text("/bookmarkAt/1").await, "\"Error: This database has no history.\"");
    dev.text("/write/%22a%22").await;
    let a = text(&dev.text("/bookmark").await);
    assert_eq!(a, text(&dev.text("/bookmark").await), "nothing has changed");
    let b = text(&dev.text("/writeAfter/%22b%22").await);
    assert!(a < b && a.len() == b.len(), "{a} {b}");
    for round in 0..30 {
        dev.text(&format!("/write/%22c{round}%22")).await;
    }
    assert_eq!(dev.text("/inTransaction").await, "\"Error: A bookmark can't be made while a transaction is open.\"");

    let before = text(&dev.text(&format!("/restore/%22{a}%22")).await);
    assert!(before > b, "{before}");
    assert_eq!(dev.json("/read").await, json!({ "count": 32, "text": "c29", "last": "c29" }), "not before it is reset");
    restart(&dev).await;
    assert_eq!(dev.json("/read").await, json!({ "count": 1, "text": "a", "last": "a" }));
    let after = text(&dev.text("/bookmark").await);
    assert!(after > before, "{after} {before}");
    dev.text("/write/%22d%22").await;

    // What was before a restore is to be had again, and any other bookmark still is.
    for (bookmark, expected) in [
        (&before, json!({ "count": 32, "text": "c29", "last": "c29" })),
        (&b, json!({ "count": 2, "text": "b", "last": "b" })),
        (&after, json!({ "count": 1, "text": "a", "last": "a" })),
    ] {
        dev.text(&format!("/restore/%22{bookmark}%22")).await;
        restart(&dev).await;
        assert_eq!(dev.json("/read").await, expected);
    }

    // Bookmarks are their own object's.
    dev.text("/write/other/%22x%22").await;
    dev.text("/bookmark/other").await;
    for (path, bookmark) in [("/restore/other", a.as_str()), ("/restore", "00000000-00000001-x"), ("/restore", "")] {
        let told = dev.text(&format!("{path}/%22{bookmark}%22")).await;
        assert!(told.contains("Error: The bookmark is none of this Durable Object's"), "{told}");
    }
    let plain = dev.json("/plain").await;
    assert_eq!(plain, json!([NO_HISTORY, NO_HISTORY, NO_HISTORY]));
    let wrong = dev.text("/wrong").await;
    assert_eq!(wrong.matches("TypeError: Failed to execute 'getBookmarkForTime'").count(), 2, "{wrong}");
}

#[tokio::test]
async fn a_time_has_a_bookmark_and_an_alarm_goes_along() {
    let project = Project::configured(CONFIG, WORKER);
    let dev = Dev::start(&project).await;
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    dev.text("/write/%22a%22").await;
    dev.text("/setAlarm/3600000").await;
    let alarm = dev.text("/getAlarm").await;
    let a = text(&dev.text("/bookmark").await);
    let then = now();
    tokio::time::sleep(Duration::from_millis(20)).await;
    dev.text("/setAlarm/86400000").await;
    dev.text("/write/%22b%22").await;
    dev.text("/bookmark").await;
    assert_eq!(text(&dev.text(&format!("/bookmarkAt/{then}")).await), a);
    assert!(text(&dev.text(&format!("/bookmarkAt/{}", now())).await) > a);
    assert_eq!(dev.text("/bookmarkAt/1000").await, "\"Error: Requested time is before this database existed.\"");
    dev.text(&format!("/restore/%22{a}%22")).await;
    restart(&dev).await;
    assert_eq!(dev.text("/getAlarm").await, alarm);

    // An alarm that had rung is due again, and rings although no other event wakes the object.
    dev.text("/setAlarm/1500").await;
    let before = text(&dev.text("/bookmark").await);
    let start = std::time::Instant::now();
    while dev.text("/rang").await != "true" {
        assert!(start.elapsed() < Duration::from_secs(20), "the alarm does not ring");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    dev.text(&format!("/restore/%22{before}%22")).await;
    restart(&dev).await;
    let start = std::time::Instant::now();
    while dev.text("/rang").await != "true" {
        assert!(start.elapsed() < Duration::from_secs(20), "the alarm does not ring again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What it is put back to it is, however often the process is killed on the way: while it makes a point of its history, notes what
/// is to be restored, or restores it.
#[tokio::test]
async fn kill_9_leaves_the_history_whole() {
    let project = Project::configured(CONFIG, WORKER);
    // Bookmarks that were given out, and what the object said then.
    let mut points: BTreeMap<String, serde_json::Value> = BTreeMap::new();
    let mut expected: Option<serde_json::Value> = None;
    for round in 0..12u64 {
        let mut dev = Dev::start(&project).await;
        let found = dev.json("/read").await;
        assert_eq!(found["text"], found["last"], "a torn state: {found}");
        if let Some(expected) = expected.take() {
            assert_eq!(found, expected, "round {round}");
        }
        for (at, (bookmark, state)) in
            points.iter().enumerate().filter(|(at, _)| (*at as u64 + round).is_multiple_of(5))
        {
            dev.text(&format!("/restore/%22{bookmark}%22")).await;
            restart(&dev).await;
            assert_eq!(dev.json("/read").await, *state, "round {round}, bookmark {at}");
        }
        for write in 0..5 {
            dev.text(&format!("/write/%22{round}-{write}%22")).await;
        }
        points.insert(text(&dev.text("/bookmark").await), dev.json("/read").await);

        // And now something that the end may meet in the middle.
        let mut client = dev.client();
        let target = points.iter().nth(round as usize / 2).map(|(bookmark, state)| (bookmark.clone(), state.clone()));
        let work = tokio::spawn(async move {
            let mut answered = Vec::new();
            let (bookmark, _) = target.clone()?;
            for path in ["/write/%22x%22", "/bookmark", &format!("/restore/%22{bookmark}%22"), "/abort", "/read"] {
                let answer = client.try_text(path).await;
                if path != "/abort" {
                    answered.push(answer?);
                }
            }
            Some((answered, target))
        });
        tokio::time::sleep(Duration::from_millis(round * 3)).await;
        dev.kill().await;
        if let Some((answered, Some((_, state)))) = work.await.expect("the client") {
            assert_eq!(serde_json::from_str::<serde_json::Value>(&answered[3]).expect("JSON"), state);
            expected = Some(state);
        }
    }
}
