//! What takes as long as something else, because it is the same work: told by what the gateway asks of files, not by a clock.

use std::path::PathBuf;

use creel_testkit::cloud::CloudBackend;
use creel_testkit::provider::Provider;
use creel_tests::http::Answer;
use creel_tests::tenants::{SERVICE_TOKEN, Service, builder};
use creel_tests::wait::until;
use reqwest::Method;
use serde_json::json;

/// A gateway whose calls of the kernel are written down, and which syncs only when asked.
struct Traced {
    service: Service,
    trace: PathBuf,
    marks: usize,
}

impl Traced {
    async fn start() -> (Self, [String; 2]) {
        let cloud = CloudBackend::start(SERVICE_TOKEN).await;
        let tokens = ["alice", "bob"].map(|user| cloud.add(user));
        let provider = Provider::start().await;
        let seldom = json!({"multiTenant": {"syncIntervalMs": 3_600_000}});
        let builder = builder(&cloud, &provider).config(seldom);
        let trace = builder.home().join("trace");
        let gateway = builder.traced(&trace).start().await;
        let service = Service {
            cloud,
            provider,
            gateway,
        };
        service.ready().await;
        let traced = Self {
            service,
            trace,
            marks: 0,
        };
        (traced, tokens)
    }

    /// What was asked of users' files, and of what is kept of users, while `ask` was answered.
    async fn asked_of_files(&mut self, marker: &str, ask: impl AsyncFn(&Service) -> Answer) -> (Answer, Vec<String>) {
        self.mark(marker).await;
        let from = self.length();
        let answer = ask(&self.service).await;
        self.mark(marker).await;
        let text = std::fs::read(&self.trace).expect("it is written");
        let text = String::from_utf8_lossy(&text[from..]).into_owned();
        let calls = text.lines().filter(|line| concerns_users(line));
        (answer, calls.map(without_numbers).collect())
    }

    /// A greeting to its end: the session is given back after the answer, and before its user has nothing under way any more.
    async fn greeted(&self, token: &str, session: &str) {
        self.service.greet(token, session).await.ok();
        until("nothing to be pending", || async {
            (self.service.stats().await["pending_requests"] == 0).then_some(())
        })
        .await;
    }

    fn length(&self) -> usize {
        let metadata = std::fs::metadata(&self.trace).expect("it is written");
        usize::try_from(metadata.len()).expect("it fits into memory")
    }

    /// A request whose traces are known: when they are there, so are those of all before it.
    async fn mark(&mut self, token: &str) {
        self.marks += 1;
        let name = format!("mark{}", self.marks);
        let path = format!("/api/v1/sessions/{name}");
        let absent = self.service.gateway.get(&path).with_token(token).await;
        assert_eq!(absent.status, 404, "{absent:?}");
        until("the mark", || async {
            let trace = std::fs::read(&self.trace).unwrap_or_default();
            String::from_utf8_lossy(&trace).contains(&name).then_some(())
        })
        .await;
    }
}

fn concerns_users(line: &str) -> bool {
    let is_mark = line.contains("mark");
    !is_mark && ["workspaces", "configs"].iter().any(|part| line.contains(part))
}

/// Without the numbers of threads, files and bytes, which differ each time.
fn without_numbers(line: &str) -> String {
    line.chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn session(service: &Service, method: Method, id: &str, token: &str) -> creel_tests::http::Call {
    let path = format!("/api/v1/sessions/{id}");
    service.gateway.call(method, &path).with_token(token)
}

#[tokio::test]
async fn what_is_anothers_takes_the_same_steps_as_what_is_nowhere() {
    let (mut traced, [alice, bob]) = Traced::start().await;
    traced.greeted(&bob, "private").await;
    traced.greeted(&alice, "mine").await;
    for method in [Method::GET, Method::DELETE] {
        let mut told = Vec::new();
        for id in ["private", "nowhere"] {
            let ask = async |service: &Service| session(service, method.clone(), id, &alice).await;
            let (answer, calls) = traced.asked_of_files(&alice, ask).await;
            assert_eq!(answer.status, 404, "{answer:?}");
            assert!(!calls.is_empty(), "it looks for it among hers");
            assert!(!calls.iter().any(|call| call.contains("workspaces/bob")), "{calls:?}");
            let calls: Vec<String> = calls.iter().map(|call| call.replace(id, "ID")).collect();
            told.push((answer.text.replace(id, "ID"), calls));
        }
        assert_eq!(told[0], told[1], "{method}");
    }
    let ask = async |service: &Service| service.greet(&alice, "private").await;
    let (_, calls) = traced.asked_of_files(&alice, ask).await;
    assert!(
        calls.iter().any(|call| call.contains("workspaces/alice/sessions")),
        "{calls:?}"
    );
    assert!(!calls.iter().any(|call| call.contains("workspaces/bob")), "{calls:?}");
}

/// A token is looked up by its digest, so one that is almost right is as far from it as any: nothing of the user whom it nearly names is read.
#[tokio::test]
async fn a_token_that_is_almost_right_takes_the_same_steps_as_any() {
    let (mut traced, [alice, bob]) = Traced::start().await;
    // Of a user who is loaded, and of one who is not.
    traced.greeted(&alice, "mine").await;
    let nearly = |token: &str| {
        let (front, last) = token.split_at(token.len() - 1);
        format!("{front}{}", if last == "0" { "1" } else { "0" })
    };
    let anybody = format!("gt_{}", "0".repeat(32));
    let mut told = Vec::new();
    for token in [&anybody, &nearly(&alice), &nearly(&bob), &alice[..34].to_owned()] {
        let said = traced.service.gateway.log().so_far().lines().count();
        let ask = async |service: &Service| service.greet(token, "s").await;
        let (answer, calls) = traced.asked_of_files(&alice, ask).await;
        let said = traced.service.gateway.log().so_far().lines().count() - said;
        told.push((answer.status, answer.text, calls, said));
    }
    assert_eq!((told[0].0, &told[0].2, told[0].3), (401, &Vec::new(), 0), "{told:?}");
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    // What is read for who is let in is seen: the trace is not blind.
    let ask = async |service: &Service| service.greet(&bob, "s").await;
    let (answer, calls) = traced.asked_of_files(&alice, ask).await;
    answer.ok();
    for part in ["configs/users.db", "workspaces/bob/sessions"] {
        assert!(calls.iter().any(|call| call.contains(part)), "{part}: {calls:?}");
    }
}
