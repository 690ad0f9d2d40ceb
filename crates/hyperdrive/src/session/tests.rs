use super::*;

fn message(tag: u8, body: &[u8]) -> Frame {
    let length = u32::try_from(body.len() + 4).unwrap();
    Frame { tag, bytes: [&[tag], &length.to_be_bytes()[..], body].concat().into(), is_whole: true }
}

/// A client and an origin, message by message.
struct Talk {
    session: Session,
}

impl Talk {
    fn new() -> Self {
        let mut session = Session::default();
        session.begin(&mut BytesMut::new());
        Self { session }
    }

    /// The tags of what the origin gets for these messages.
    fn ask(&mut self, messages: &[(u8, &[u8])]) -> String {
        let mut origin = BytesMut::new();
        for (tag, body) in messages {
            self.session.asked(&message(*tag, body), &mut origin).expect("a client's message");
        }
        tags(&origin)
    }

    /// The tags of what the client gets, and whether the connection is free at the end.
    fn tell(&mut self, messages: &[(u8, &[u8])]) -> (String, bool) {
        let (mut client, mut told) = (BytesMut::new(), Told::More);
        for (tag, body) in messages {
            told = self.session.told(&message(*tag, body), &mut client).expect("an origin's message");
        }
        (tags(&client), told == Told::Free)
    }

    /// Another connection to the origin, after the one before went back.
    fn again(&mut self) {
        self.session.begin(&mut BytesMut::new());
    }
}

fn tags(mut stream: &[u8]) -> String {
    let mut tags = String::new();
    while let [tag, a, b, c, d, ..] = *stream {
        tags.push(char::from(tag));
        stream = &stream[u32::from_be_bytes([a, b, c, d]) as usize + 1..];
    }
    tags
}

const READY: (u8, &[u8]) = (b'Z', b"I");
const IN_TRANSACTION: (u8, &[u8]) = (b'Z', b"T");

#[test]
fn a_connection_is_free_after_a_query_and_not_within_a_transaction() {
    let mut talk = Talk::new();
    assert_eq!(talk.ask(&[(b'Q', b"begin\0")]), "Q");
    assert!(talk.session.is_waiting());
    assert_eq!(talk.tell(&[(b'C', b"BEGIN\0"), IN_TRANSACTION]), ("CZ".into(), false));
    assert!(!talk.session.is_waiting());
    talk.ask(&[(b'Q', b"oops\0")]);
    assert_eq!(talk.tell(&[(b'E', b"\0"), (b'Z', b"E")]), ("EZ".into(), false));
    talk.ask(&[(b'Q', b"rollback\0")]);
    assert_eq!(talk.tell(&[(b'C', b"ROLLBACK\0"), READY]), ("CZ".into(), true));
}

#[test]
fn what_was_sent_ahead_keeps_it() {
    let mut talk = Talk::new();
    talk.ask(&[(b'Q', b"a\0"), (b'Q', b"b\0")]);
    assert!(!talk.tell(&[(b'C', b"SELECT 1\0"), READY]).1);
    assert!(talk.tell(&[(b'C', b"SELECT 1\0"), READY]).1);
    // A Parse without a Sync: the origin will owe an answer.
    talk.again();
    talk.ask(&[(b'Q', b"a\0"), (b'P', b"\0b\0\0\0")]);
    assert!(!talk.tell(&[READY]).1);
    talk.ask(&[(b'S', b"")]);
    assert!(talk.tell(&[(b'1', b""), READY]).1);
}

#[test]
fn named_statements_are_prepared_again_where_they_are_not_known() {
    let mut talk = Talk::new();
    assert_eq!(talk.ask(&[(b'P', b"one\0select 1\0\0\0"), (b'D', b"Sone\0"), (b'S', b"")]), "PDS");
    assert_eq!(talk.tell(&[(b'1', b""), (b't', b""), (b'n', b""), READY]), ("1tnZ".into(), true));
    talk.again();
    assert_eq!(talk.ask(&[(b'B', b"\0one\0"), (b'E', b"\0"), (b'B', b"\0one\0"), (b'S', b"")]), "PBEBS");
    // The client sent no Parse, and gets no answer to one.
    assert_eq!(talk.tell(&[(b'1', b""), (b'2', b""), (b'D', b""), (b'C', b"SELECT 1\0"), READY]).0, "2DCZ");
    talk.again();
    assert_eq!(talk.ask(&[(b'C', b"Sone\0"), (b'S', b"")]), "CS");
    talk.tell(&[(b'3', b""), READY]);
    talk.again();
    assert_eq!(talk.ask(&[(b'B', b"\0one\0"), (b'S', b"")]), "BS", "it was closed");
}

#[test]
fn a_statement_that_failed_is_not_kept() {
    let mut talk = Talk::new();
    talk.ask(&[(b'P', b"one\0wrong\0\0\0"), (b'B', b"\0one\0"), (b'S', b"")]);
    assert_eq!(talk.tell(&[(b'E', b"\0"), READY]), ("EZ".into(), true));
    talk.again();
    assert_eq!(talk.ask(&[(b'B', b"\0one\0"), (b'S', b"")]), "BS");
    talk.tell(&[(b'E', b"\0"), READY]);
    // A second Parse under a name that is taken fails, and changes nothing.
    talk.again();
    talk.ask(&[(b'P', b"two\0first\0\0\0"), (b'S', b"")]);
    talk.tell(&[(b'1', b""), READY]);
    talk.again();
    talk.ask(&[(b'D', b"Stwo\0"), (b'P', b"two\0second\0\0\0"), (b'S', b"")]);
    talk.tell(&[(b'1', b""), (b't', b""), (b'n', b""), (b'E', b"\0"), READY]);
    assert!(talk.session.statements[&b"two"[..]].windows(5).any(|bytes| bytes == b"first"));
    assert_eq!(talk.session.kept, talk.session.statements[&b"two"[..]].len() + OVERHEAD);
}

#[test]
fn several_that_failed_together_leave_nothing() {
    let mut talk = Talk::new();
    talk.ask(&[(b'P', b"a\0wrong\0\0\0"), (b'P', b"a\0again\0\0\0"), (b'S', b"")]);
    talk.tell(&[(b'E', b"\0"), READY]);
    assert!(talk.session.statements.is_empty() && talk.session.lease.prepared.is_empty());
}

#[test]
fn what_only_one_connection_knows_keeps_it() {
    for tag in [&b"LISTEN\0"[..], b"PREPARE\0"] {
        let mut talk = Talk::new();
        talk.ask(&[(b'Q', b"x\0")]);
        assert_eq!(talk.tell(&[(b'C', tag), READY]), ("CZ".into(), false));
    }
    let mut talk = Talk::new();
    let long = [&b"long\0"[..], &vec![b'x'; MAX_STATEMENTS], b"\0\0\0"].concat();
    talk.ask(&[(b'P', &long), (b'S', b"")]);
    assert_eq!(talk.tell(&[(b'1', b""), READY]), ("1Z".into(), false));
    assert_eq!(talk.session.kept, 0);
}

#[test]
fn copies_end_with_their_own_answer() {
    let mut talk = Talk::new();
    talk.ask(&[(b'Q', b"copy t from stdin\0")]);
    assert!(!talk.tell(&[(b'G', b"\0\0\0")]).1);
    talk.ask(&[(b'd', b"1\n"), (b'c', b"")]);
    assert!(talk.tell(&[(b'C', b"COPY 1\0"), READY]).1);
    // As an extended query, whose first Sync the origin ignores.
    talk.again();
    talk.ask(&[(b'P', b"\0copy t from stdin\0\0\0"), (b'B', b"\0\0"), (b'E', b"\0"), (b'S', b"")]);
    talk.tell(&[(b'1', b""), (b'2', b""), (b'G', b"\0\0\0")]);
    assert!(talk.session.is_waiting());
    talk.ask(&[(b'S', b""), (b'd', b"1\n"), (b'c', b""), (b'S', b"")]);
    assert!(talk.tell(&[(b'C', b"COPY 1\0"), READY]).1);
    assert!(!talk.session.needs_origin(b'd'));
}

#[test]
fn what_a_client_asked_for_at_the_start_is_set_unseen() {
    let mut session = Session::new(message(b'Q', b"select set_config()\0").bytes);
    let (mut origin, mut client) = (BytesMut::new(), BytesMut::new());
    session.begin(&mut origin);
    session.asked(&message(b'Q', b"a\0"), &mut origin).unwrap();
    assert_eq!(tags(&origin), "QQ");
    for (tag, body) in [(b'T', &b""[..]), (b'D', b""), (b'C', b"SELECT 1\0"), (b'Z', b"I")] {
        assert_eq!(session.told(&message(tag, body), &mut client), Ok(Told::More));
    }
    assert_eq!(tags(&client), "");
    assert_eq!(session.told(&message(b'Z', b"I"), &mut client), Ok(Told::Free));
    session.begin(&mut origin);
    assert_eq!(session.told(&message(b'E', b"\0"), &mut client), Ok(Told::Refused));
}

#[test]
fn neither_side_may_send_what_does_not_belong() {
    let mut talk = Talk::new();
    let mut out = BytesMut::new();
    for (tag, body) in [(b'B', &b"\0"[..]), (b'P', b"name"), (b'D', b""), (b'D', b"Xname\0"), (b'C', b"S")] {
        assert_eq!(talk.session.asked(&message(tag, body), &mut out), Err(Violation::Format));
    }
    assert_eq!(talk.session.asked(&message(b'p', b"secret\0"), &mut out), Err(Violation::Type(b'p')));
    assert_eq!(talk.session.told(&message(b'1', b""), &mut out), Err(Unexpected(b'1')));
    let mut talk = Talk::new();
    assert_eq!(talk.session.told(&message(b'Z', b"I"), &mut out), Err(Unexpected(b'Z')));
}

#[test]
fn no_bytes_of_either_side_are_too_odd() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    for _ in 0..2000 {
        let mut talk = Talk::new();
        let (mut origin, mut client) = (BytesMut::new(), BytesMut::new());
        for _ in 0..20 {
            let tag = if random(8) == 0 { random(256) as u8 } else { b"QPBDCESHdcfX12ZCGET"[random(19) as usize] };
            let body: Vec<u8> = (0..random(12)).map(|_| b"\0\0SPIab"[random(7) as usize]).collect();
            let ended = match random(2) {
                0 => talk.session.asked(&message(tag, &body), &mut origin).is_err(),
                _ => match talk.session.told(&message(tag, &body), &mut client) {
                    Ok(Told::Free) => {
                        assert!(!talk.session.is_waiting());
                        talk.again();
                        false
                    }
                    Ok(_) => false,
                    Err(_) => true,
                },
            };
            if ended {
                break;
            }
        }
        let kept: usize = talk.session.statements.values().map(|message| message.len() + OVERHEAD).sum();
        assert_eq!(talk.session.kept, kept);
    }
}
