use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use crate::store::Limits;

struct Fake {
    asked: AtomicUsize,
    control: &'static str,
    fails: bool,
}

impl Origin for Fake {
    type Error = ();

    async fn send(&self, _: HeaderMap) -> Result<Fetched, ()> {
        let n = self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(50)).await;
        if self.fails && n > 0 {
            return Err(());
        }
        let body = stream::iter(vec![Ok(Bytes::from(format!("answer {n}")))]).boxed();
        let headers = [(http::header::CACHE_CONTROL, HeaderValue::from_static(self.control))].into_iter().collect();
        Ok(Fetched { status: 200, reason: None, headers, body, length: None })
    }
}

fn front(folder: &tempfile::TempDir) -> Front {
    Front::new(Store::new(folder.path().to_owned(), Limits::default()))
}

fn key(name: &str) -> Key {
    Key::new("SJC", "worker", None, name)
}

async fn read(served: Served) -> (String, String) {
    let label = served.headers["cf-cache-status"].to_str().expect("text").to_owned();
    let body = served.body.map(|chunk| chunk.expect("whole")).collect::<Vec<_>>().await.concat();
    (String::from_utf8(body).expect("text"), label)
}

#[tokio::test]
async fn one_goes_for_all_and_those_it_can_not_serve_go_themselves() {
    for (control, asked, hits) in [("max-age=60", 1, 7), ("no-store", 8, 0)] {
        let folder = tempfile::tempdir().expect("a folder");
        let (front, ask) = (front(&folder), Ask::default());
        let origin = Arc::new(Fake { asked: AtomicUsize::new(0), control, fails: false });
        let each = (0..8).map(|_| async {
            read(front.fetch(key("a"), &ask, HeaderMap::new(), origin.clone()).await.expect("an answer")).await
        });
        let answers = futures::future::join_all(each).await;
        assert_eq!(origin.asked.load(Ordering::SeqCst), asked, "{control}");
        assert_eq!(answers.iter().filter(|(_, label)| label == "HIT").count(), hits, "{answers:?}");
    }
}

#[tokio::test]
async fn an_origin_that_fails_is_covered_as_long_as_it_allowed() {
    for (control, covered) in [("max-age=0, stale-if-error=60", true), ("max-age=0", false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let (front, ask) = (front(&folder), Ask::default());
        let origin = Arc::new(Fake { asked: AtomicUsize::new(0), control, fails: true });
        read(front.fetch(key("a"), &ask, HeaderMap::new(), origin.clone()).await.expect("the first")).await;
        let second = front.fetch(key("a"), &ask, HeaderMap::new(), origin.clone()).await;
        match second {
            Ok(served) => assert_eq!((read(served).await.1.as_str(), covered), ("STALE", true)),
            Err(()) => assert!(!covered),
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Put { url: u8, language: u8, control: usize, size: usize },
    Delete { url: u8 },
    Match { url: u8, language: u8 },
    Restart,
}

/// Cache-Control, and whether what is put with it is matched later.
const CONTROLS: [(&str, bool, bool); 4] = [
    ("max-age=3600", true, true),
    ("max-age=0", true, false),
    ("no-store", false, false),
    ("s-maxage=9, max-age=0", true, true),
];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3u8, 0..2u8, 0..CONTROLS.len(), prop_oneof![0..100usize, 262_100..262_200usize, Just(600_000)])
            .prop_map(|(url, language, control, size)| Step::Put { url, language, control, size }),
        1 => (0..3u8).prop_map(|url| Step::Delete { url }),
        4 => (0..3u8, 0..2u8).prop_map(|(url, language)| Step::Match { url, language }),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Against a map: what was put last under a URL and a language, if it was to be stored, is matched while it is fresh.
    #[test]
    fn the_cache_is_a_map_of_what_is_fresh(steps in proptest::collection::vec(step(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let folder = tempfile::tempdir().expect("a folder");
            let mut cache = front(&folder);
            let mut model: HashMap<(u8, u8), (Vec<u8>, bool)> = HashMap::new();
            let request = |language: u8| -> HeaderMap {
                [(http::header::ACCEPT_LANGUAGE, HeaderValue::from(u64::from(language)))].into_iter().collect()
            };
            for (n, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Put { url, language, control, size } => {
                        let (text, stored, fresh) = CONTROLS[control];
                        let mut headers: HeaderMap = [
                            (http::header::CACHE_CONTROL, HeaderValue::from_static(text)),
                            (http::header::VARY, HeaderValue::from_static("Accept-Language")),
                        ].into_iter().collect();
                        let body = vec![n as u8; size];
                        let decided = lifetime(200, &mut headers, &request(language), &Forced::default(), crate::now());
                        assert_eq!(decided.is_ok(), stored);
                        if let Ok(lifetime) = decided {
                            let head = Head::new(200, None, &headers, &request(language), lifetime);
                            let chunks: Vec<_> = body.chunks(65_536).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
                            let put = cache.store().put(key(&url.to_string()), head, &mut stream::iter(chunks).boxed()).await;
                            assert!(put.expect("stored"));
                            model.insert((url, language), (body, fresh));
                        }
                    }
                    Step::Delete { url } => {
                        let known = model.keys().any(|(known, _)| *known == url);
                        assert_eq!(cache.store().delete(&key(&url.to_string())).await, known);
                        model.retain(|(known, _), _| *known != url);
                    }
                    Step::Match { url, language } => {
                        let found = match cache.matches(&key(&url.to_string()), &request(language)).await {
                            Some(served) => {
                                Some(served.body.map(|chunk| chunk.expect("whole")).collect::<Vec<_>>().await.concat())
                            }
                            None => None,
                        };
                        let expected = model.get(&(url, language)).filter(|(_, fresh)| *fresh).map(|(body, _)| body);
                        assert!(found.as_ref() == expected, "step {n}");
                    }
                    Step::Restart => cache = front(&folder),
                }
            }
        });
    }
}
