//! Every style of handler that a Worker may export.

use harness::{Dev, Project};

#[tokio::test]
async fn module_worker_gets_request_env_and_context() {
    let project = Project::configured(
        "[vars]\nGREETING = \"Ahoy\"",
        r#"
        let scheduled = "never";
        export default {
          async fetch(request, env, ctx) {
            const url = new URL(request.url);
            if (url.pathname === "/scheduled") return new Response(scheduled);
            return Response.json({
              method: request.method,
              path: url.pathname + url.search,
              body: await request.text(),
              greeting: env.GREETING,
              ctx: [typeof ctx.waitUntil, typeof ctx.passThroughOnException],
              // One instance of the Worker serves every request: `this` is the exported object.
              own: this === self.exported,
            }, { status: 201, headers: { "x-from": "worker" } });
          },
          async scheduled(controller, env, ctx) {
            ctx.waitUntil((async () => {
              await scheduler.wait(5);
              scheduled = `${controller.cron} ${controller.scheduledTime} ${env.GREETING}`;
            })());
          },
        };
        "#,
    );
    let dev = Dev::start(&project).await;

    let answer = dev.request("POST", "/a%20b?q=1&q=2").body("hello").await;
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["x-from"], "worker");
    let body: serde_json::Value = serde_json::from_str(&harness::text(answer).await).unwrap();
    assert_eq!(body["method"], "POST");
    assert_eq!(body["path"], "/a%20b?q=1&q=2");
    assert_eq!(body["body"], "hello");
    assert_eq!(body["greeting"], "Ahoy");
    assert_eq!(body["ctx"], serde_json::json!(["function", "function"]));

    // The way that wrangler triggers a scheduled handler by hand.
    assert_eq!(dev.text("/scheduled").await, "never");
    let answer = dev.get("/cdn-cgi/handler/scheduled?cron=*+*+*+*+*&time=1745856238000").send().await;
    assert_eq!(answer.status(), 200);
    assert_eq!(harness::text(answer).await, "ok");
    assert_eq!(dev.text("/scheduled").await, "* * * * * 1745856238000 Ahoy");
}

#[tokio::test]
async fn an_unbundled_service_worker_runs_as_it_is() {
    let project = Project::configured(
        "no_bundle = true",
        "addEventListener('fetch', (event) => event.respondWith(new Response('as it is')));",
    );
    let dev = Dev::start(&project).await;
    assert_eq!(dev.text("/").await, "as it is");
}

#[tokio::test]
async fn service_worker_syntax_sees_bindings_as_globals() {
    let project = Project::configured(
        "[vars]\nGREETING = \"Ahoy\"",
        r#"
        let last = "none";
        addEventListener("fetch", (event) => {
          const { pathname } = new URL(event.request.url);
          if (pathname === "/silent") return;
          if (pathname === "/late") {
            event.waitUntil(Promise.resolve().then(() => { last = "late"; }));
          }
          event.respondWith(respond(pathname));
        });
        addEventListener("scheduled", (event) => { last = `scheduled ${event.cron}`; });
        async function respond(pathname) {
          if (pathname === "/last") return new Response(last);
          return new Response(`${GREETING} ${pathname}`);
        }
        "#,
    );
    let dev = Dev::start(&project).await;
    assert_eq!(dev.text("/world").await, "Ahoy /world");
    assert_eq!(dev.text("/late").await, "Ahoy /late");
    assert_eq!(dev.text("/last").await, "late");
    dev.text("/cdn-cgi/handler/scheduled?cron=0+0+*+*+*").await;
    assert_eq!(dev.text("/last").await, "scheduled 0 0 * * *");
}

#[tokio::test]
async fn default_exported_class_is_made_for_each_request() {
    let project = Project::configured(
        "[vars]\nGREETING = \"Ahoy\"",
        r#"
        import { WorkerEntrypoint } from "cloudflare:workers";
        let made = 0;
        export default class extends WorkerEntrypoint {
          constructor(ctx, env) {
            super(ctx, env);
            this.number = ++made;
          }
          async fetch(request) {
            this.ctx.waitUntil(Promise.resolve());
            return new Response(`${this.env.GREETING} ${this.number} ${new URL(request.url).pathname}`);
          }
        }
        "#,
    );
    let dev = Dev::start(&project).await;
    assert_eq!(dev.text("/one").await, "Ahoy 1 /one");
    assert_eq!(dev.text("/two").await, "Ahoy 2 /two");
}

#[tokio::test]
async fn concurrent_requests_share_one_isolate() {
    let project = Project::worker(
        r#"
        let waiting = null;
        export default {
          async fetch(request) {
            const { pathname } = new URL(request.url);
            if (pathname === "/wait") {
              const { promise, resolve } = Promise.withResolvers();
              waiting = resolve;
              const timeout = setTimeout(() => resolve("nobody came"), 5000);
              const answer = await promise;
              clearTimeout(timeout);
              return new Response(answer);
            }
            // Another request's promise is settled here; its continuation must run in its own context.
            if (waiting === null) return new Response("nobody waits", { status: 409 });
            waiting("released");
            return new Response("done");
          },
        };
        "#,
    );
    let dev = Dev::start(&project).await;
    let wait = tokio::spawn(dev.get("/wait").send());
    let mut released = dev.get("/release").send().await;
    for _ in 0..100 {
        if released.status() == 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        released = dev.get("/release").send().await;
    }
    assert_eq!(harness::text(released).await, "done");
    assert_eq!(harness::text(wait.await.unwrap()).await, "released");
}

#[tokio::test]
async fn a_worker_without_the_handler_says_so() {
    let project = Project::worker("export default { async scheduled() {} };");
    let mut dev = Dev::start(&project).await;
    let answer = dev.get("/").send().await;
    assert_eq!(answer.status(), 500);
    dev.line("fetch").await;
    dev.assert_alive();
}
