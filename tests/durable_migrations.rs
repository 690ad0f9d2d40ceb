//! Migrations of Durable Object classes act on what is stored: once, in order, all or none.

use std::time::{Duration, Instant};

use harness::{Dev, Project};

/// `/add/NAME` adds one to the object of this name, `/id` gives its id, `/by/ID` adds to the object of an id.
const WORKER: &str = r#"
    import { DurableObject } from "cloudflare:workers";
    export class CLASS extends DurableObject {
      async add() { const value = ((await this.ctx.storage.get("value")) ?? 0) + 1; this.ctx.storage.put("value", value); return value; }
    }
    export default {
      async fetch(request, env) {
        const [, method, what] = new URL(request.url).pathname.split("/");
        try {
          if (method === "id") return new Response(env.OBJECTS.idFromName(what).toString());
          const id = method === "by" ? env.OBJECTS.idFromString(what) : env.OBJECTS.idFromName(what);
          return new Response(String(await env.OBJECTS.get(id).add()));
        } catch (error) {
          return new Response(`${error.name}: ${error.message}`, { status: 500 });
        }
      },
    };
"#;

fn worker(class: &str) -> String {
    WORKER.replace("CLASS", class)
}

fn config(class: &str, migrations: &str) -> String {
    format!("[[durable_objects.bindings]]\nname = \"OBJECTS\"\nclass_name = \"{class}\"\n{migrations}")
}

const V1: &str = "[[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"Room\"]\n";
const V2: &str = "[[migrations]]\ntag = \"v2\"\nrenamed_classes = [{ from = \"Room\", to = \"Hall\" }]\n";
const V3: &str = "[[migrations]]\ntag = \"v3\"\ndeleted_classes = [\"Hall\"]\nnew_sqlite_classes = [\"Room\"]\n";

fn write(project: &Project, name: &str, class: &str, migrations: &str) {
    let head = format!("name = \"{name}\"\nmain = \"index.js\"\ncompatibility_date = \"2026-01-01\"\n");
    project.write("index.js", worker(class));
    project.write("wrangler.toml", head + &config(class, migrations));
}

fn files(project: &Project) -> usize {
    let folder = project.join(".skerry/state/v1/do");
    let folders =
        std::fs::read_dir(folder).expect("the folder of all objects").map(|entry| entry.expect("an entry").path());
    let objects =
        folders.filter(|path| path.is_dir()).flat_map(|path| std::fs::read_dir(path).expect("a class's folder"));
    objects.filter(|entry| entry.as_ref().expect("an entry").file_name().to_string_lossy().len() > 64).count()
}

#[tokio::test]
async fn classes_are_renamed_deleted_and_made_anew() {
    let project = Project::configured(&config("Room", V1), &worker("Room"));
    let dev = Dev::start(&project).await;
    assert_eq!(dev.text("/add/lobby").await, "1");
    let id = dev.text("/id/lobby").await;

    // While it runs: the object goes on under its new name, and its id is still good.
    write(&project, "journey", "Hall", &format!("{V1}{V2}"));
    let start = Instant::now();
    while !dev.output().contains("reloaded") {
        assert!(start.elapsed() < Duration::from_secs(20), "not reloaded:\n{}", dev.output());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(dev.text("/add/lobby").await, "2");
    assert_eq!(dev.text(&format!("/by/{id}")).await, "3");
    drop(dev);
    let dev = Dev::start(&project).await;
    assert_eq!(dev.text(&format!("/by/{id}")).await, "4");
    assert!(files(&project) > 0);
    drop(dev);

    // Deleted, and another class of the first name: nothing is left, and old ids are good no more.
    write(&project, "journey", "Room", &format!("{V1}{V2}{V3}"));
    let dev = Dev::start(&project).await;
    assert_eq!(files(&project), 0);
    assert_eq!(dev.text("/add/lobby").await, "1");
    assert_eq!(dev.text(&format!("/by/{id}")).await, "TypeError: Durable Object ID is not valid for this namespace.");
}

#[tokio::test]
async fn migrations_out_of_order_are_refused_with_their_line() {
    let project = Project::configured(&config("Room", V1), &worker("Room"));
    let dev = Dev::start(&project).await;
    assert_eq!(dev.text("/add/lobby").await, "1");
    // A save is refused too; the state stays as it is.
    write(&project, "journey", "Hall", V2);
    let told = dev.line("migrations: the migration \"v2\" stands where \"v1\" was applied").await;
    assert!(told.contains("wrangler.toml:8:"), "{told}");
    drop(dev);
    let mut command = tokio::process::Command::new(harness::binary());
    let output = command.arg("dev").args(["--port", "0"]).arg(project.path()).output().await.expect("skerry runs");
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("wrangler.toml:8:") && told.contains("stands where \"v1\" was applied"), "{told}");

    write(&project, "journey", "Room", V1);
    let dev = Dev::start(&project).await;
    assert_eq!(dev.text("/add/lobby").await, "2");
}

/// Of two Workers of one process: a class goes with its objects from one to the other.
#[tokio::test]
async fn a_class_is_transferred() {
    let persist = Project::empty();
    let flags = ["--persist-to", persist.path().to_str().expect("UTF-8")];
    let owner = Project::named("owner", &config("Room", V1), &worker("Room"));
    let dev = Dev::with(&flags, &[owner.path()]).await;
    assert_eq!(dev.text("/add/lobby").await, "1");
    let id = dev.text("/id/lobby").await;
    drop(dev);
    let transfer = "[[migrations]]\ntag = \"t1\"\ntransferred_classes = [{ from = \"Room\", from_script = \"owner\", to = \"Hall\" }]\n";
    let heir = Project::named("heir", &config("Hall", transfer), &worker("Hall"));
    let dev = Dev::with(&flags, &[heir.path()]).await;
    assert_eq!(dev.text(&format!("/by/{id}")).await, "2");
}

/// However often it is killed while it applies them, all of one start's migrations have been applied, or none.
#[tokio::test]
async fn kill_9_leaves_all_migrations_or_none() {
    for round in 0..8u64 {
        let project = Project::configured(&config("Room", V1), &worker("Room"));
        let dev = Dev::start(&project).await;
        for name in 0..5 {
            assert_eq!(dev.text(&format!("/add/{name}")).await, "1");
        }
        drop(dev);
        write(&project, "journey", "Hall", &format!("{V1}{V2}"));
        let mut child = tokio::process::Command::new(harness::binary())
            .args(["dev", "--ip", "127.0.0.1", "--port", "0"])
            .arg(project.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("skerry starts");
        tokio::time::sleep(Duration::from_millis(5 + round * 6)).await;
        child.kill().await.expect("it is killed");
        let dev = Dev::start(&project).await;
        for name in 0..5 {
            assert_eq!(dev.text(&format!("/add/{name}")).await, "2", "round {round}");
        }
    }
}
