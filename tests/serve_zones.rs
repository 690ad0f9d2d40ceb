//! Zones with a server behind them, and what Workers fetch of hosts that are served here.

use harness::{Dev, Origin, Project, Served, Socket, text};

const ECHO: &str = "
    export default {
      fetch(request) {
        if (request.headers.get('Upgrade') !== 'websocket') return new Response('not upgraded');
        const { 0: client, 1: server } = new WebSocketPair();
        server.accept();
        server.addEventListener('message', (event) => server.send('origin: ' + event.data));
        return new Response(null, { status: 101, webSocket: client });
      },
    };";

#[tokio::test]
async fn what_no_worker_answers_goes_to_the_zones_origin() {
    let origin = Origin::start(|request| async move {
        let (parts, body) = request.into_parts();
        let body = http_body_util::BodyExt::collect(body).await.expect("a body").to_bytes();
        let host = parts.headers["host"].to_str().unwrap().to_owned();
        let mut response = Origin::text(format!(
            "{} {host}{} {}",
            parts.method,
            parts.uri.path_and_query().unwrap(),
            String::from_utf8_lossy(&body)
        ));
        if parts.uri.path() == "/moved" {
            *response.status_mut() = http::StatusCode::FOUND;
            response.headers_mut().insert("location", "/elsewhere".parse().unwrap());
        }
        response
    })
    .await;
    let echoing = Project::worker(ECHO);
    let echo = Dev::start(&echoing).await;
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address")
    };
    let served = Served::configured(&format!(
        "[[zones]]\nname = \"example.com\"\norigin = \"{}\"\n
         [[zones]]\nname = \"sockets.example.com\"\norigin = \"http://{}\"\n
         [[zones]]\nname = \"down.example\"\norigin = \"http://{closed}\"\n",
        origin.url("/"),
        echo.address(),
    ))
    .await;
    let get = async |host: &str, path: &str| text(served.request_to("GET", host, path).send().await).await;

    // Without a Worker.
    assert_eq!(get("www.example.com", "/a%20b?c=d").await, "GET www.example.com/a%20b?c=d ");
    let posted = served.request_to("POST", "example.com", "/form").body("x=1").await;
    assert_eq!(text(posted).await, "POST example.com/form x=1");
    let moved = served.request_to("GET", "example.com", "/moved").send().await;
    assert_eq!((moved.status().as_u16(), moved.headers()["location"].to_str().unwrap()), (302, "/elsewhere"));
    let seen = origin.seen().pop().unwrap();
    assert_eq!(seen.headers["cf-connecting-ip"], "127.0.0.1");
    assert!(!seen.headers.contains_key("cf-worker"));
    let mut socket = Socket::open(served.http(), "/", &[("host", "sockets.example.com")]).await.expect("a WebSocket");
    socket.send("hello").await;
    assert_eq!(socket.text().await, "origin: hello");
    let down = served.request_to("GET", "down.example", "/").send().await;
    assert_eq!((down.status().as_u16(), text(down).await.as_str()), (521, "error code: 521"));

    // Behind a Worker, whose subrequests to its zone are not its own.
    let source = "
        export default {
          async fetch(request) {
            const url = new URL(request.url);
            if (url.pathname === '/api/mine') return new Response('worker');
            if (request.headers.has('Upgrade')) return fetch(request);
            const answer = await fetch(request);
            return new Response('worker saw ' + answer.status + ' ' + (await answer.text()));
          },
        };";
    let config = "routes = [\"example.com/api/*\", \"sockets.example.com/*\", \"down.example/*\"]";
    served.wrangler(Project::named("api", config, source).path(), &["deploy"]).await.ok();
    assert_eq!(get("example.com", "/api/mine").await, "worker");
    assert_eq!(get("example.com", "/api/x").await, "worker saw 200 GET example.com/api/x ");
    let posted = served.request_to("POST", "example.com", "/api/form").body("y=2").await;
    assert_eq!(text(posted).await, "worker saw 200 POST example.com/api/form y=2");
    assert_eq!(origin.seen().pop().unwrap().headers["cf-worker"], "example.com");
    assert_eq!(get("example.com", "/other").await, "GET example.com/other ");
    assert_eq!(get("down.example", "/").await, "worker saw 521 error code: 521");
    let mut socket = Socket::open(served.http(), "/", &[("host", "sockets.example.com")]).await.expect("a WebSocket");
    socket.send("again").await;
    assert_eq!(socket.text().await, "origin: again");
}

#[tokio::test]
async fn workers_meet_each_other_by_their_hosts_and_not_for_ever() {
    let served = Served::configured(
        "[[zones]]\nname = \"one.example\"\n[[zones]]\nname = \"two.example\"\n[[zones]]\nname = \"own.example\"\n",
    )
    .await;
    let source = |next: &str| {
        format!(
            "export default {{
               async fetch(request) {{
                 const url = new URL(request.url);
                 if (url.pathname === '/end') return Response.json([url.host, request.headers.get('CF-Worker'), request.headers.get('CF-Connecting-IP')]);
                 const answer = await fetch('http://{next}' + (url.pathname === '/once' ? '/end' : '/round'));
                 const count = Number(answer.headers.get('x-rounds') ?? 0) + 1;
                 return new Response(await answer.text(), {{ status: answer.status, headers: {{ 'x-rounds': count }} }});
               }},
             }};"
        )
    };
    for (name, next, config) in [
        ("one", "two.example", "route = \"one.example/*\""),
        ("two", "one.example", "route = \"two.example/*\""),
        ("own", "own.example", "route = \"own.example/*\"\ncompatibility_flags = [\"global_fetch_strictly_public\"]"),
        ("closed", "open.localhost", "workers_dev = true"),
        ("open", "closed.localhost", "compatibility_flags = [\"global_fetch_strictly_public\"]"),
    ] {
        let project = Project::named(name, config, &source(next));
        served.wrangler(project.path(), &["deploy"]).await.ok();
    }
    let get = async |host: &str, path: &str| served.request_to("GET", host, path).send().await;

    let once = text(get("one.example", "/once").await).await;
    assert_eq!(once, r#"["two.example","one.example","2a06:98c0:3600::103"]"#);
    for host in ["one.example", "own.example"] {
        let round = get(host, "/").await;
        assert_eq!((round.status().as_u16(), round.headers()["x-rounds"].to_str().unwrap()), (500, "16"), "{host}");
        assert_eq!(text(round).await, "error code: 1019");
    }
    // A count of the client's own.
    let late = served.request_to("GET", "one.example", "/").header("cf-ew-via", "1").send().await;
    assert_eq!(late.headers()["x-rounds"], "1");

    // Workers of one subdomain are of one zone.
    let closed = get("closed.localhost", "/once").await;
    assert_eq!((closed.status().as_u16(), text(closed).await.as_str()), (404, "error code: 1042"));
    let open = text(get("open.localhost", "/once").await).await;
    assert!(open.starts_with(r#"["closed.localhost""#), "{open}");
}
