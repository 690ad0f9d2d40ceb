//! The example chat: two people in a real browser, and a room that sleeps between what they say.

use harness::browser::Browser;
use harness::{Dev, Project, Socket};

#[tokio::test]
async fn two_people_talk_in_a_browser() {
    let project = Project::copy_of("examples/chat");
    let dev = Dev::start(&project).await;
    let browser = Browser::start().await;
    let mut ada = browser.open(&dev.url("/lobby")).await;
    let mut bob = browser.open(&dev.url("/lobby")).await;
    for (page, name) in [(&mut ada, "Ada"), (&mut bob, "Bob")] {
        page.ready().await;
        page.type_line(name).await;
    }
    let here = "document.getElementById('guests').textContent === 'Here: Ada, Bob'";
    ada.until(here).await;
    bob.until(here).await;

    ada.type_line("Hello <b>Bob</b>").await;
    bob.until("document.querySelector('.message')?.innerText.startsWith('Ada: Hello <b>Bob</b>')").await;
    bob.type_line("Hello Ada").await;
    ada.until("[...document.querySelectorAll('.message')].some((line) => line.innerText.startsWith('Bob: Hello Ada'))")
        .await;

    // A room of its own knows nothing of it; who comes later sees what was said.
    let mut eve = browser.open(&dev.url("/elsewhere")).await;
    eve.ready().await;
    eve.type_line("Eve").await;
    eve.until("document.getElementById('guests').textContent === 'Here: Eve'").await;
    assert_eq!(eve.evaluate("document.querySelectorAll('.message').length").await, 0);
    let mut late = browser.open(&dev.url("/lobby")).await;
    late.ready().await;
    late.type_line("Late").await;
    late.until("document.querySelectorAll('.message').length === 2").await;

    // Who closes the page has left.
    late.close().await;
    ada.until("document.body.innerText.includes('Late left')").await;
}

#[tokio::test]
async fn a_room_minds_its_manners() {
    let project = Project::copy_of("examples/chat");
    let dev = Dev::start(&project).await;
    assert_eq!(dev.get("/").send().await.status(), 302);
    assert_eq!(dev.get("/lobby/socket").send().await.status(), 426);
    let mut rude = Socket::open(dev.address(), "/lobby/socket", &[]).await.unwrap();
    rude.send("not JSON").await;
    assert_eq!(rude.closed().await, (1003, "Messages are JSON".into()));
    let mut nameless = Socket::open(dev.address(), "/lobby/socket", &[]).await.unwrap();
    nameless.send(r#"{ "name": "  " }"#).await;
    assert_eq!(nameless.closed().await, (1008, "Who are you?".into()));
    // Answered without the room, before anybody has said who they are.
    let mut guest = Socket::open(dev.address(), "/lobby/socket", &[]).await.unwrap();
    guest.send("ping").await;
    assert_eq!(guest.text().await, "pong");
}
