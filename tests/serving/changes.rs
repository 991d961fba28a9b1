//! What becomes of requests while models are replaced, the load is more than can be done, and the server is stopped.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Models, Row, request, rows};

#[test]
fn a_model_is_replaced_under_load_without_a_lost_or_wrong_answer() {
    let models = Models::trained();
    let rows = rows(40);
    models.put("one", "served");
    let mut served = models.serve(&["served", "--look", "20ms"]);
    let version = |answer: &super::Answer| answer.json()["model_version"].as_str().expect("a version").to_owned();
    let first = version(&served.post("/v2/models/served/rows", &rows[0].object()));
    // Each version says what its model says.
    let expected = [models.predicted("one", &rows), models.predicted("two", &rows)];
    let (done, asked, of_each) =
        (AtomicBool::new(false), AtomicUsize::new(0), [AtomicUsize::new(0), AtomicUsize::new(0)]);
    thread::scope(|scope| {
        for client in 0..3 {
            let (address, rows, expected, first) = (served.address.clone(), &rows, &expected, &first);
            let (done, asked, of_each) = (&done, &asked, &of_each);
            scope.spawn(move || {
                let mut connection = super::Connection::new(&address);
                for at in (client..).step_by(3) {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    let (from, size) = (at % 30, 1 + at % 7);
                    let objects: Vec<_> = rows[from..from + size].iter().map(Row::object).collect();
                    let body = json!(objects).to_string();
                    let answer = connection.ask("POST", "/v2/models/served/rows", &[], body.as_bytes());
                    let which = usize::from(version(&answer) != *first);
                    assert_eq!(answer.probabilities(), expected[which][from..from + size]);
                    of_each[which].fetch_add(1, Ordering::Relaxed);
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for model in ["two", "one", "two"] {
            let before = asked.load(Ordering::Relaxed);
            while asked.load(Ordering::Relaxed) < before + 50 {
                thread::sleep(Duration::from_millis(1));
            }
            models.put(model, "served");
            served.told("is served from now on");
        }
        // What is no model leaves the one before at work.
        let weights = models.path().join("served/weights.safetensors");
        let whole = fs::read(&weights).expect("weights");
        fs::write(&weights, &whole[..whole.len() / 2]).expect("written");
        let told = served.told("is still served");
        assert!(told.contains("weights.safetensors") && !told.contains(&first), "{told}");
        fs::remove_dir_all(models.path().join("served")).expect("removed");
        assert!(served.told("is still served").contains("holds no model"));
        models.put("one", "served");
        served.told("is served from now on");
        done.store(true, Ordering::Relaxed);
    });
    assert!(of_each.iter().all(|count| count.load(Ordering::Relaxed) > 20), "{of_each:?}");
    let text = String::from_utf8(served.get("/metrics").body).expect("text");
    assert!(text.contains("nasrecc_reloads_total{model=\"served\",outcome=\"loaded\"} 4\n"), "{text}");
    assert!(text.contains("nasrecc_reloads_total{model=\"served\",outcome=\"refused\"} 2\n"), "{text}");
}

#[test]
fn what_is_more_than_can_be_done_is_refused_in_words_and_the_rest_is_right() {
    let models = Models::trained();
    let rows = rows(200);
    let expected = models.predicted("one", &rows);
    // A batch waits long enough that others come in the meantime, and there is room for few of them.
    let served = models.serve(&["one", "--wait", "30ms", "--most", "100000", "--waiting", "600", "--threads", "1"]);
    let objects: Vec<_> = rows.iter().map(Row::object).collect();
    let body = json!(objects).to_string();
    let statuses = std::sync::Mutex::new(BTreeMap::<u16, usize>::new());
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                let mut connection = served.connect();
                for _ in 0..6 {
                    let answer = connection.ask("POST", "/v2/models/one/rows", &[], body.as_bytes());
                    *statuses.lock().expect("counted").entry(answer.status).or_default() += 1;
                    if answer.status == 200 {
                        assert_eq!(answer.probabilities(), expected);
                    } else {
                        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")));
                        assert!(answer.error().contains("rows wait for the model"), "{}", answer.error());
                    }
                }
            });
        }
    });
    let statuses = statuses.into_inner().expect("counted");
    assert_eq!(statuses.values().sum::<usize>(), 72, "every request is answered");
    assert!(statuses[&200] >= 6 && statuses[&429] >= 1, "{statuses:?}");
    let text = String::from_utf8(served.get("/metrics").body).expect("text");
    for (status, count) in statuses {
        let line = format!("nasrecc_requests_total{{model=\"one\",status=\"{status}\"}} {count}");
        assert!(text.lines().any(|known| known == line), "{line} is not in {text}");
    }
}

#[test]
fn who_cannot_be_answered_in_time_is_told_so() {
    let models = Models::trained();
    let rows = rows(2);
    let served = models.serve(&["one", "--wait", "1500ms", "--most", "2", "--timeout", "200ms"]);
    let answer = served.post("/v2/models/one/rows", &rows[0].object());
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.error());
    assert!(answer.error().contains("200ms"), "{}", answer.error());
    // Nobody waits for that row any more; two that are there together need not wait.
    let body = json!(rows.iter().map(Row::object).collect::<Vec<_>>());
    thread::sleep(Duration::from_millis(1500));
    assert_eq!(served.post("/v2/models/one/rows", &body).probabilities(), models.predicted("one", &rows));
}

#[test]
fn what_was_answered_by_a_server_that_is_killed_is_right() {
    let models = Models::trained();
    let rows = rows(30);
    let expected = models.predicted("one", &rows);
    for at in 1..4 {
        let mut served = models.serve(&["one", "--wait", "1ms"]);
        let answered = AtomicUsize::new(0);
        thread::scope(|scope| {
            for first in 0..4 {
                let (address, rows, expected, answered) = (served.address.clone(), &rows, &expected, &answered);
                scope.spawn(move || {
                    let mut connection = super::Connection::new(&address);
                    for row in (0..rows.len()).cycle().skip(first) {
                        let text =
                            request("POST", "/v2/models/one/rows", &[], rows[row].object().to_string().as_bytes());
                        let answer = connection.send(&text).ok().and_then(|()| connection.answer());
                        // What is not answered whole is no answer.
                        let Some(answer) = answer else { break };
                        assert_eq!(answer.probabilities(), [expected[row]]);
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            while answered.load(Ordering::Relaxed) < 40 * at {
                thread::sleep(Duration::from_millis(1));
            }
            served.signal("-KILL");
        });
        assert_eq!(served.ended(), None, "by a signal");
    }
}

#[test]
fn bodies_and_connections_have_so_much_room_and_no_more() {
    let models = Models::trained();
    let served = models.serve(&["one", "--body", "100KiB", "--bodies", "100KiB", "--connections", "3"]);
    let half = vec![b' '; 60 << 10];
    let mut slow = served.connect();
    let text = request("POST", "/v2/models/one/rows", &[("content-length", "102400")], &half);
    slow.send(&text).expect("sent");
    let mut other = served.connect();
    // Once that is there, no other half has room.
    let begun = Instant::now();
    loop {
        let text = String::from_utf8(other.ask("GET", "/metrics", &[], b"").body).expect("text");
        let held = text.lines().find_map(|line| line.strip_prefix("nasrecc_body_bytes "));
        if held.and_then(|held| held.parse::<usize>().ok()).is_some_and(|held| held >= half.len()) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{held:?} bytes are held");
        thread::sleep(Duration::from_millis(2));
    }
    let refused = other.ask("POST", "/v2/models/one/rows", &[], &half);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{}", refused.error());
    assert!(refused.error().contains("as much memory as they may"));
    let third = served.connect();
    let mut beyond = served.connect();
    let refused = beyond.answer().expect("it is told");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert!(refused.error().contains("as many connections"));
    drop((slow, third, beyond));
    // What those held is free again.
    let object = rows(1)[0].object();
    let begun = Instant::now();
    while other.ask("POST", "/v2/models/one/rows", &[], object.to_string().as_bytes()).status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_stopped_server_answers_what_it_accepted() {
    let models = Models::trained();
    let rows = rows(5);
    let expected = models.predicted("one", &rows);
    let body = json!(rows.iter().map(Row::object).collect::<Vec<_>>()).to_string();
    for signal in ["-TERM", "-INT"] {
        let mut served = models.serve(&["one", "--wait", "300ms"]);
        let mut connections: Vec<_> = (0..5).map(|_| served.connect()).collect();
        let text = request("POST", "/v2/models/one/rows", &[], body.as_bytes());
        connections.iter_mut().for_each(|connection| connection.send(&text).expect("sent"));
        // One is still sending.
        let mut slow = served.connect();
        slow.send(&text[..text.len() - 10]).expect("sent");
        let idle = served.connect();
        thread::sleep(Duration::from_millis(100));
        served.signal(signal);
        thread::sleep(Duration::from_millis(150));
        slow.stream.get_mut().write_all(&text[text.len() - 10..]).expect("sent");
        for connection in connections.iter_mut().chain([&mut slow]) {
            let answer = connection.answer().expect("what was accepted is answered");
            assert_eq!(answer.probabilities(), expected);
        }
        drop(idle);
        served.told("all that was accepted is answered");
        assert_eq!(served.ended(), Some(0), "it was asked to");
        std::net::TcpStream::connect(&served.address).expect_err("nobody listens");
    }
}

#[test]
fn who_is_slow_is_not_waited_for() {
    let models = Models::trained();
    let served = models.serve(&["one", "--timeout", "300ms", "--idle", "300ms"]);
    // A head that never ends, a connection without a word: both are closed.
    for begun in [&b"POST /v2/models/one/rows HTTP/1.1\r\nhost: he"[..], b""] {
        let mut connection = served.connect();
        connection.send(begun).expect("sent");
        let waited = Instant::now();
        if let Some(answer) = connection.answer() {
            assert_eq!(answer.status, 408);
        }
        assert!(waited.elapsed() < Duration::from_secs(10));
    }
    // A body that never ends.
    let mut connection = served.connect();
    connection.send(&request("POST", "/v2/models/one/rows", &[("content-length", "100")], b"{")).expect("sent");
    let answer = connection.answer().expect("told");
    assert_eq!(answer.status, 408, "{}", answer.error());
    assert!(answer.error().contains("300ms"), "{}", answer.error());
    // One that is sent byte by byte.
    let mut connection = served.connect();
    connection.send(&request("POST", "/v2/models/one/rows", &[("transfer-encoding", "chunked")], b"")).expect("sent");
    while connection.send(b"1\r\n \r\n").is_ok() {
        thread::sleep(Duration::from_millis(20));
    }
    assert!(connection.answer().is_none_or(|answer| answer.status == 408));
    // Who does not read answers: the server has room for others meanwhile, and ends in its time.
    let body = json!(rows(300).iter().map(Row::object).collect::<Vec<_>>()).to_string();
    let mut deaf = served.connect();
    let text = request("POST", "/v2/models/one/rows", &[], body.as_bytes());
    deaf.stream.get_ref().set_write_timeout(Some(Duration::from_secs(20))).expect("set");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) && deaf.send(&text).is_ok() {}
    assert!(begun.elapsed() < Duration::from_secs(20), "it was closed");
    assert_eq!(served.get("/v2/health/live").status, 200);
}

#[test]
fn what_cannot_be_served_is_said_before_anything_is() {
    let models = Models::trained();
    let refused = |args: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_nasrecc"))
            .current_dir(models.path())
            .arg("serve")
            .args(args)
            .output()
            .expect("it runs");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{args:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    fs::create_dir(models.path().join("none")).expect("created");
    models.put("one", "mixed");
    fs::copy(models.path().join("two/weights.safetensors"), models.path().join("mixed/weights.safetensors"))
        .expect("copied");
    models.put("one", "cut");
    let encoder = models.path().join("cut/encoder.safetensors");
    let whole = fs::read(&encoder).expect("an encoder");
    fs::write(&encoder, &whole[..whole.len() - 1]).expect("written");
    models.put("one", "later");
    let record = models.path().join("later/model.json");
    let text = fs::read_to_string(&record).expect("a record");
    fs::write(&record, text.replacen("\"version\": 2", "\"version\": 9", 1)).expect("written");
    for (args, expected) in [
        (&["none", "--port", "0"][..], "holds no model"),
        (&["nowhere", "--port", "0"], "holds no model"),
        (&["mixed", "--port", "0"], "weights.safetensors"),
        (&["cut", "--port", "0"], "encoder.safetensors"),
        (&["later", "--port", "0"], "read it with that version"),
        (&["one", "one", "--port", "0"], "two models would be called `one`"),
        (&["one", "/", "--port", "0"], "makes no name"),
        (&["one", "--port", &port], "cannot listen on 127.0.0.1"),
        (&["one", "--host", "256.0.0.1", "--port", "0"], "cannot listen on 256.0.0.1"),
        (&["one", "--threads", "0"], "--threads must be at least 1"),
        (&["one", "--most", "0"], "--most must be at least 1"),
        (&["one", "--wait", "5"], "is no time"),
        (&["one", "--timeout", "0s"], "--timeout must be at least 1ms"),
        (&["one", "--body", "2GiB", "--bodies", "4GiB"], "more than a body can have"),
        (&["one", "--body", "512MiB"], "more than all bodies may have together"),
        (&[], "MODEL"),
    ] {
        let told = refused(args);
        assert!(told.contains(expected), "{args:?}: {told}");
    }
}
