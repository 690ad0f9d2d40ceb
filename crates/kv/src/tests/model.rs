//! The store against a model of it: all writes ever made, in order, looked through anew at each read.

use proptest::prelude::*;

use super::*;

const DELAY: u64 = 10;
const PLACES: [Place; 4] = [NRT, GRU, IAD, Place::Central];
const KEYS: [&str; 5] = ["a", "a/1", "a/2", "b", "é"];

#[derive(Clone, Debug)]
enum Step {
    Put {
        place: usize,
        key: usize,
        value: u8,
        ttl: Option<i64>,
    },
    Delete {
        place: usize,
        key: usize,
    },
    Wait {
        seconds: u64,
    },
    /// The process ends and another one opens the database.
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let (place, key) = (0..PLACES.len(), 0..KEYS.len());
    prop_oneof![
        5 => (place.clone(), key.clone(), any::<u8>(), prop::option::weighted(0.3, 60..200_i64))
            .prop_map(|(place, key, value, ttl)| Step::Put { place, key, value, ttl }),
        3 => (place, key).prop_map(|(place, key)| Step::Delete { place, key }),
        3 => (1..80_u64).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Reopen),
    ]
}

/// A write as the model remembers it.
struct Made {
    place: Place,
    at: u64,
    key: &'static str,
    /// The value and when it expires.
    value: Option<(String, Option<u64>)>,
}

#[derive(Default)]
struct Model(Vec<Made>);

impl Model {
    fn get(&self, place: Place, key: &str, now: u64) -> Option<&str> {
        let arrived = |made: &&Made| {
            place == Place::Central
                || made.place == Place::Central
                || made.place == place
                || made.at + DELAY * 1000 <= now
        };
        let last = self.0.iter().rev().filter(|made| made.key == key).find(arrived)?;
        let (value, expires) = last.value.as_ref()?;
        expires.is_none_or(|expires| expires > now / 1000).then_some(value)
    }
}

fn check(namespace: &Namespace, model: &Model, now: u64) {
    for place in PLACES {
        let mut expected = Vec::new();
        for key in KEYS {
            let value = model.get(place, key, now);
            assert_eq!(get(namespace, place, key).as_deref(), value, "{key} at {place:?}");
            expected.extend(value.map(|_| key));
        }
        for (prefix, limit) in [("", 1000), ("a", 2), ("a/", 1)] {
            let expected: Vec<_> = expected.iter().filter(|key| key.starts_with(prefix)).collect();
            let mut options = ListOptions { prefix: Some(prefix.into()), limit: Some(limit), ..ListOptions::default() };
            let mut listed = Vec::new();
            loop {
                let page = namespace.list(place, &options).unwrap();
                listed.extend(page.keys.into_iter().map(|listed| listed.name));
                options.cursor = page.cursor;
                if options.cursor.is_none() {
                    break;
                }
            }
            assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{prefix}* at {place:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn behaves_as_the_model(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut fixture = fixture(DELAY);
            let mut model = Model::default();
            for step in steps {
                let namespace = fixture.store.namespace("n");
                let now = fixture.clock.millis();
                match step {
                    Step::Put { place, key, value, ttl } => {
                        let (place, key, value) = (PLACES[place], KEYS[key], value.to_string());
                        let options = PutOptions { expiration_ttl: ttl, ..PutOptions::default() };
                        put(&namespace, place, key, &value, options).await.unwrap();
                        let expires = ttl.map(|ttl| now / 1000 + ttl as u64);
                        model.0.push(Made { place, at: now, key, value: Some((value, expires)) });
                    }
                    Step::Delete { place, key } => {
                        let (place, key) = (PLACES[place], KEYS[key]);
                        delete(&namespace, place, key).await.unwrap();
                        model.0.push(Made { place, at: now, key, value: None });
                    }
                    Step::Wait { seconds } => fixture.after(seconds),
                    Step::Reopen => fixture.store = open(&fixture.folder, DELAY, &fixture.clock),
                }
                check(&fixture.store.namespace("n"), &model, fixture.clock.millis());
            }
        });
    }
}
