//! `skerry dev` serves what was saved, soon, and lets old requests finish in the old code.

use std::time::{Duration, Instant};

use harness::{Dev, PATIENCE, Project};

const FIRST: &str = r#"
    export default {
      async fetch(request: Request): Promise<Response> {
        if (new URL(request.url).pathname === "/slow") {
          await scheduler.wait(2_000);
          return new Response("old and slow");
        }
        return new Response("first");
      },
    };
"#;

async fn until(dev: &Dev, wanted: &str) -> Duration {
    let start = Instant::now();
    loop {
        let text = dev.text("/").await;
        if text == wanted {
            return start.elapsed();
        }
        assert!(start.elapsed() < PATIENCE, "still {text:?} instead of {wanted:?}:\n{}", dev.output());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn saving_reloads_code_config_and_secrets() {
    let project = Project::empty()
        .file("wrangler.toml", "name = \"reload\"\nmain = \"src/index.ts\"\ncompatibility_date = \"2026-01-01\"\n")
        .file("src/index.ts", FIRST);
    let mut dev = Dev::start(&project).await;
    assert_eq!(dev.text("/").await, "first");
    let slow = tokio::spawn(dev.get("/slow").send());
    tokio::time::sleep(Duration::from_millis(200)).await;

    project.write("src/word.ts", "export const word: string = 'second';");
    project.write(
        "src/index.ts",
        "import { word } from './word';\nexport default { fetch: (request: Request, env: any) => new Response(word + (env.MORE ?? '') + (env.KEY ?? '')) };",
    );
    let took = until(&dev, "second").await;
    assert!(took < Duration::from_secs(2), "a reload took {took:?}");
    assert_eq!(harness::text(slow.await.unwrap()).await, "old and slow");

    // A file that is imported, the configuration, the secrets.
    project.write("src/word.ts", "export const word: string = 'third';");
    until(&dev, "third").await;
    project.write(
        "wrangler.toml",
        "name = \"reload\"\nmain = \"src/index.ts\"\ncompatibility_date = \"2026-01-01\"\n[vars]\nMORE = \" more\"\n",
    );
    until(&dev, "third more").await;
    project.write(".dev.vars", "KEY=\" key\"\n");
    until(&dev, "third more key").await;

    // A broken save says where, to the terminal and to who asks; the next good one mends it.
    project.write("src/index.ts", "export default { fetch() { return new Response('broken' }\n");
    dev.line("src/index.ts:1").await;
    let answer = dev.get("/").send().await;
    assert_eq!(answer.status(), 500);
    let text = harness::text(answer).await;
    assert!(text.contains("src/index.ts:1"), "{text}");
    project.write("src/index.ts", "export default { fetch: () => new Response('mended') };");
    until(&dev, "mended").await;
    dev.assert_alive();
}
