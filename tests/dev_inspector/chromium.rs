//! Chromium's own DevTools as the debugger.

use harness::browser::Browser;
use harness::debugger::inspector;

use super::{inspected, project};

/// They attach, and show the TypeScript and the console.
#[tokio::test]
async fn chrome_devtools_attaches() {
    let project = project();
    let dev = inspected(&project).await;
    let port = inspector(&dev).await;
    let browser = Browser::start().await;
    let mut page = browser.open(&format!("devtools://devtools/bundled/js_app.html?v8only=true&ws={port}/api")).await;
    let file = project.join("src/index.ts");
    let sources = format!(
        "import('devtools://devtools/bundled/models/workspace/workspace.js').then(({{ Workspace }}) => \
         Workspace.WorkspaceImpl.instance().uiSourceCodes().some((code) => code.url() === 'file://{}')).catch(() => false)",
        file.display()
    );
    page.until(&sources).await;
    dev.text("/?n=5").await;
    let console = "import('devtools://devtools/bundled/core/sdk/sdk.js').then((SDK) => \
         SDK.TargetManager.TargetManager.instance().targets().flatMap((target) => \
         target.model(SDK.ConsoleModel.ConsoleModel)?.messages() ?? []).some((message) => message.messageText === 'twice')).catch(() => false)";
    page.until(console).await;
}
