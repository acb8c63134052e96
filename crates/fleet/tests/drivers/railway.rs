//! What is Railway's alone. Every test ends with a look at what the recorder has against any call.

use std::collections::BTreeSet;

use creel_fleet::{CreateInstance, Driver, Fleet, FleetError, RailwayOptions, Status};
use creel_testkit::railway::{Deployment, Recorder};

use crate::suite::Place;
use crate::support::{World, fake_railway, get, id, is_running, settled, start_failure, until};

/// A world whose instances run on a Railway of its own.
pub async fn place() -> Place {
    let mut world = World::new();
    // Beside the home: the client's own files are none of Creel's.
    let recorder = Recorder::new(world.path().with_extension("railway"));
    world.railway = Some(RailwayOptions {
        program: fake_railway(),
        environment: recorder.environment(),
        workspace: None,
    });
    Place {
        world,
        driver: Driver::Railway,
        engine: None,
        recorder: Some(recorder),
    }
}

/// The deployment of an instance that serves.
pub fn life(recorder: &Recorder, name: &str) -> Option<String> {
    let account = recorder.account();
    let project = account.projects_named(&format!("creel-{name}-")).pop()?.clone();
    let deployment = project.services.first()?.deployments.last()?.clone();
    let lives = deployment.status == "SUCCESS" && deployment.pid.is_some_and(crate::support::lives);
    lives.then_some(deployment.id)
}

impl Place {
    pub fn recorder(&self) -> &Recorder {
        self.recorder.as_ref().unwrap()
    }

    /// There was nothing wrong with any call.
    pub fn was_clean(&self) {
        assert_eq!(self.recorder().violations(), [""; 0]);
    }

    pub fn one_project(&self) -> creel_testkit::railway::Project {
        let account = self.recorder().account();
        let projects = account.projects_named("creel-alice-");
        assert_eq!(projects.len(), 1, "{projects:?}");
        projects[0].clone()
    }
}

/// What a start that cannot be made says.
async fn refused(fleet: &Fleet) -> String {
    start_failure(fleet.start(&id("alice")).await).0
}

#[tokio::test]
async fn one_that_was_never_deployed_is_reached_nowhere() {
    let place = place().await;
    let fleet = place.world.open().await;
    let wanted = CreateInstance {
        start: false,
        ..place.wanted("alice")
    };
    let (created, _) = fleet.create(wanted).await.unwrap();
    let shown = serde_json::to_value(created).unwrap();
    assert_eq!((shown.get("url"), shown.get("port")), (None, None), "{shown:#}");
    fleet.shutdown().await;
}

#[tokio::test]
async fn an_instance_is_a_project_with_one_service_that_knows_its_secrets_by_its_variables_alone() {
    let place = place().await;
    let fleet = place.world.open().await;
    let instance = place.running(&fleet, "alice").await;
    let project = place.one_project();
    let [service] = &project.services[..] else {
        panic!("{project:?}")
    };
    assert_eq!(
        (service.name.as_str(), service.volume.as_deref()),
        ("gateway", Some("/data"))
    );
    let url = format!("http://127.0.0.1:{}", service.port.unwrap());
    assert_eq!((&instance.url, instance.port), (&Some(url), None));
    let deployment = &service.deployments[0];
    assert_eq!(deployment.image, "ghcr.io/acme/creel:1");
    assert!(
        deployment.start_command.starts_with("creel gateway run "),
        "{deployment:?}"
    );

    let token = fleet.endpoint(&id("alice"));
    assert!(token.is_none(), "it listens on no port of this host");
    let environment = get(&instance, "/env").await.unwrap();
    for line in [
        "OPENAI_API_KEY=sk-given-to-all",
        "OPENCLAW_INSTANCE_ID=alice",
        "RAILWAY_RUN_UID=0",
        "PORT=8080",
    ] {
        assert!(environment.contains(line), "{line}: {environment}");
    }
    let sent = place.world.of("alice", "railway");
    let names = std::fs::read_dir(&sent)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: BTreeSet<String> = names.collect();
    assert_eq!(
        names,
        ["Dockerfile.railway", "openclaw.json", "railway.toml"]
            .map(str::to_owned)
            .into()
    );
    let toml = std::fs::read_to_string(sent.join("railway.toml")).unwrap();
    assert!(
        toml.contains("#   OPENCLAW_GATEWAY_TOKEN") && toml.contains("healthcheckPath = \"/healthz\""),
        "{toml}"
    );
    fleet.remove(&id("alice"), true).await.unwrap();
    place.was_clean();
}

#[tokio::test]
async fn a_start_that_changes_nothing_builds_nothing_and_says_nothing_twice() {
    let place = place().await;
    let fleet = place.world.open().await;
    place.running(&fleet, "alice").await;
    let recorder = place.recorder();
    let told = recorder.calls_of("variable set");
    place.world.set("alice", "GREETING=welcome-to-acme");
    fleet.restart(&id("alice")).await.unwrap();
    assert_eq!(
        (recorder.calls_of("up"), recorder.calls_of("redeploy")),
        (2, 0),
        "railway.toml names another variable"
    );
    assert_eq!(recorder.calls_of("variable set"), told + 1);
    fleet.restart(&id("alice")).await.unwrap();
    assert_eq!((recorder.calls_of("up"), recorder.calls_of("redeploy")), (2, 1));
    assert_eq!(recorder.calls_of("variable set"), told + 1);
    // What is not said any more is taken away.
    let path = place.world.of("alice", "instance.env");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("GREETING=welcome-to-acme\n", "")).unwrap();
    fleet.restart(&id("alice")).await.unwrap();
    assert!(!place.one_project().services[0].variables.contains_key("GREETING"));
    assert_eq!(recorder.calls_of("init"), 1);
    fleet.remove(&id("alice"), true).await.unwrap();
    place.was_clean();
}

#[tokio::test]
async fn a_client_that_is_missing_old_or_signed_out_is_a_clear_instruction() {
    let mut place = place().await;
    let program = place
        .world
        .railway
        .as_mut()
        .map(|options| std::mem::replace(&mut options.program, "/nonexistent/railway".into()));
    let fleet = place.world.open().await;
    place.cast(&fleet, "alice", "").await;
    let reason = refused(&fleet).await;
    assert!(
        reason.starts_with("railway: the client `/nonexistent/railway` is not installed; install it (https://docs.railway.com/guides/cli)"),
        "{reason}"
    );
    let facts = fleet.drivers().await.pop().unwrap();
    assert_eq!(
        (facts.driver, facts.available, facts.version),
        (Driver::Railway, false, None)
    );
    assert!(facts.reason.unwrap().contains("railway login"));
    fleet.shutdown().await;
    drop(fleet);

    place.world.railway.as_mut().unwrap().program = program.unwrap();
    let fleet = place.world.open().await;
    let recorder = place.recorder();
    recorder.change(|account| account.version = "4.12.0".to_owned());
    let reason = refused(&fleet).await;
    assert_eq!(
        reason,
        "railway: the client `railway` is 4.12.0, and creel needs 4.58.0 or newer; run `railway upgrade`"
    );
    recorder.change(|account| {
        account.version = "5.43.1".to_owned();
        account.signed_in = false;
    });
    let reason = refused(&fleet).await;
    assert!(
        reason.starts_with("railway: the client `railway` is not signed in (Unauthorized."),
        "{reason}"
    );
    assert!(
        reason.contains("run `railway login` as the user that runs creel"),
        "{reason}"
    );
    recorder.change(|account| {
        account.signed_in = true;
        account.workspaces.push(("w-2".to_owned(), "Home".to_owned()));
    });
    let reason = refused(&fleet).await;
    assert!(
        reason.contains("several workspaces (Acme, Home); name the one for new projects with CREEL_RAILWAY_WORKSPACE"),
        "{reason}"
    );
    assert_eq!(recorder.account().projects.len(), 0, "nothing was made");
    // Nobody needs to be signed in to be rid of it.
    recorder.change(|account| account.signed_in = false);
    fleet.remove(&id("alice"), true).await.unwrap();
    place.cast(&fleet, "alice", "").await;
    recorder.change(|account| account.signed_in = true);
    recorder.change(|account| account.workspaces.truncate(1));
    fleet.start(&id("alice")).await.unwrap();
    let facts = fleet.drivers().await.pop().unwrap();
    assert_eq!((facts.available, facts.version.as_deref()), (true, Some("5.43.1")));
    fleet.remove(&id("alice"), true).await.unwrap();
    place.was_clean();
}

#[tokio::test]
async fn what_railway_will_not_have_is_said_and_tried_again_when_asked() {
    let place = place().await;
    let fleet = place.world.open().await;
    place.cast(&fleet, "alice", "").await;
    let recorder = place.recorder();
    for (command, said) in [
        (
            "init",
            "Free plan resource provision limit exceeded. Please upgrade to provision more resources!",
        ),
        ("add", "Problem processing request"),
        ("up", "Failed to upload code with status code 502 Bad Gateway"),
    ] {
        recorder.change(|account| account.failing.insert(command.to_owned(), said.to_owned()));
        assert_eq!(refused(&fleet).await, format!("railway: `railway {command}`: {said}"));
        recorder.change(|account| account.failing.clear());
    }
    recorder.change(|account| account.dying_before.insert("up".to_owned()));
    assert_eq!(refused(&fleet).await, "railway: `railway up`: signal: 9 (SIGKILL)");
    recorder.change(|account| account.builds_fail = true);
    let (reason, log) = start_failure(fleet.start(&id("alice")).await);
    assert_eq!(reason, "could not be built or deployed");
    assert!(log.iter().any(|line| line == "manifest unknown"), "{log:?}");
    recorder.change(|account| account.builds_fail = false);
    fleet.start(&id("alice")).await.unwrap();
    place.one_project();
    fleet.remove(&id("alice"), true).await.unwrap();
    place.was_clean();
}

#[tokio::test]
async fn a_network_that_is_cut_is_waited_for() {
    let place = place().await;
    let fleet = place.world.open().await;
    place.cast(&fleet, "alice", "").await;
    let recorder = place.recorder();
    let cut = "Failed to fetch: error sending request for url (https://backboard.railway.com/graphql/v2)";
    let all = ["up", "service list", "variable list", "whoami", "list"];
    // In the middle of the upload: whether it arrived is not known.
    recorder.change(|account| account.failing.insert("up".to_owned(), cut.to_owned()));
    let alice = id("alice");
    let starting = fleet.start(&alice);
    let mended = async {
        let away = until(&fleet, "alice", |now| now.status == Status::Error).await;
        assert!(
            away.error
                .as_deref()
                .is_some_and(|error| error.starts_with("Railway cannot be asked: `railway up`")),
            "{away:?}"
        );
        recorder.change(|account| account.failing.clear());
        until(&fleet, "alice", is_running).await
    };
    let (_, _) = tokio::join!(starting, mended);
    let running = life(recorder, "alice").unwrap();
    // And while it serves: it goes on, and is found again.
    recorder.change(|account| account.failing = all.map(|command| (command.to_owned(), cut.to_owned())).into());
    until(&fleet, "alice", |now| now.status == Status::Error).await;
    assert!(matches!(fleet.stop(&id("alice")).await, Err(FleetError::Away { .. })));
    recorder.change(|account| account.failing.clear());
    until(&fleet, "alice", is_running).await;
    assert_eq!(life(recorder, "alice"), Some(running));
    place.one_project();
    fleet.remove(&id("alice"), true).await.unwrap();
    place.was_clean();
}

#[tokio::test]
async fn what_is_anothers_is_left_alone() {
    let place = place().await;
    let fleet = place.world.open().await;
    place.running(&fleet, "alice").await;
    fleet.stop(&id("alice")).await.unwrap();
    let recorder = place.recorder();
    let owner = |to: &str| {
        recorder.change(|account| {
            let service = &mut account.projects[0].services[0];
            service
                .variables
                .insert("CREEL_OWNER".to_owned(), to.to_owned())
                .unwrap()
        })
    };
    // Another home has taken it over, from a copy of this one say.
    let own = owner("creel-ffffffff/alice");
    let before = recorder.account().projects[0].clone();
    let reason = refused(&fleet).await;
    assert!(
        reason.contains("is not this instance's: its CREEL_OWNER is \"creel-ffffffff/alice\""),
        "{reason}"
    );
    let refused_removal = fleet.remove(&id("alice"), true).await.unwrap_err();
    assert!(
        matches!(refused_removal, FleetError::HalfRemoved { .. }),
        "{refused_removal}"
    );
    let after = recorder.account().projects[0].clone();
    assert_eq!(
        (before.deleted, &before.services[0].variables),
        (after.deleted, &after.services[0].variables)
    );
    assert_eq!(
        before.services[0].deployments.len(),
        after.services[0].deployments.len()
    );
    owner(&own);

    // One of the same name that somebody else made.
    let theirs = recorder.change(|account| {
        let mut theirs = account.projects[0].clone();
        theirs.id = "p-theirs".to_owned();
        account.projects[0].deleted = true;
        account.projects.push(theirs.clone());
        theirs
    });
    fleet.remove(&id("alice"), true).await.unwrap();
    let left = recorder.account();
    assert_eq!(left.projects_named(&theirs.name).len(), 1, "it was not touched");
    place.was_clean();
}

#[tokio::test]
async fn what_was_changed_behind_our_back_is_shown_and_what_was_removed_is_not_made_again_until_someone_asks() {
    let place = place().await;
    let fleet = place.world.open().await;
    place.running(&fleet, "alice").await;
    let recorder = place.recorder();
    recorder.change(|account| account.projects[0].services[0].name = "web".to_owned());
    let drifted = until(&fleet, "alice", |now| !now.drift.is_empty()).await;
    assert_eq!(drifted.drift, ["the service is called \"web\", not \"gateway\""]);
    assert_eq!(drifted.status, Status::Running);

    recorder.take_down("alice");
    let removed = until(&fleet, "alice", |now| {
        now.status == Status::Error && !now.drift.is_empty()
    })
    .await;
    assert_eq!(
        removed.drift,
        ["what ran it in railway was removed behind creel's back"]
    );
    fleet.start(&id("alice")).await.unwrap();

    // The whole project.
    recorder.delete("alice");
    until(&fleet, "alice", |now| {
        now.status == Status::Error && !now.drift.is_empty()
    })
    .await;
    assert_eq!(recorder.account().projects.len(), 1, "it was not made again");
    fleet.start(&id("alice")).await.unwrap();
    place.one_project();
    fleet.remove(&id("alice"), true).await.unwrap();
    assert!(recorder.account().projects_named("alice").is_empty());
    place.was_clean();
}

#[tokio::test]
async fn what_somebody_deployed_while_it_was_stopped_is_not_taken_over() {
    let place = place().await;
    let fleet = place.world.open().await;
    place.running(&fleet, "alice").await;
    fleet.stop(&id("alice")).await.unwrap();
    let recorder = place.recorder();
    recorder.change(|account| {
        let deployments = &mut account.projects[0].services[0].deployments;
        let theirs = Deployment {
            id: "d-theirs".to_owned(),
            status: "SUCCESS".to_owned(),
            image: "docker.io/somebody/else:1".to_owned(),
            pid: None,
            ..deployments[0].clone()
        };
        deployments.push(theirs);
    });
    let started = fleet.start(&id("alice")).await.unwrap();
    assert_eq!(started.status, Status::Running);
    recorder.change(|account| {
        let deployments = &mut account.projects[0].services[0].deployments;
        assert_eq!(deployments.last().unwrap().image, "ghcr.io/acme/creel:1");
    });
    fleet.remove(&id("alice"), true).await.unwrap();
    place.was_clean();
}

#[tokio::test]
async fn what_is_removed_without_its_data_keeps_its_volume_for_whoever_takes_it_up() {
    let place = place().await;
    let fleet = place.world.open().await;
    place.running(&fleet, "alice").await;
    fleet.remove(&id("alice"), false).await.unwrap();
    let recorder = place.recorder();
    assert_eq!(life(recorder, "alice"), None);
    let kept = place.one_project();
    let again = CreateInstance {
        keep_data: true,
        ..place.wanted("alice")
    };
    fleet.create(again).await.unwrap();
    assert_eq!(settled(&fleet, "alice").await.status, Status::Running);
    assert_eq!(place.one_project().id, kept.id);
    fleet.remove(&id("alice"), false).await.unwrap();
    fleet.remove(&id("alice"), true).await.unwrap();
    assert!(
        recorder.account().projects_named("alice").is_empty(),
        "what was kept is purged with its project"
    );
    place.was_clean();
}

#[tokio::test]
async fn what_is_still_being_built_is_taken_down_as_soon_as_it_can_be() {
    let place = place().await;
    let fleet = place.world.open().await;
    place.cast(&fleet, "alice", "").await;
    let recorder = place.recorder();
    recorder.change(|account| account.builds_take_long = true);
    let alice = id("alice");
    let starting = fleet.start(&alice);
    let stopped = async {
        while recorder.calls_of("up") == 0 {
            tokio::task::yield_now().await;
        }
        until(&fleet, "alice", |now| now.started_at.is_some()).await;
        let stopping = fleet.stop(&alice);
        let built = async {
            until(&fleet, "alice", |now| now.status == Status::Stopping).await;
            recorder.change(|account| {
                let deployment = account.projects[0].services[0].deployments.last_mut().unwrap();
                deployment.status = "SUCCESS".to_owned();
            });
        };
        tokio::join!(stopping, built).0.unwrap()
    };
    let (started, stopped) = tokio::join!(starting, stopped);
    assert!(matches!(started, Err(FleetError::Superseded { .. })), "{started:?}");
    assert_eq!(stopped.status, Status::Stopped);
    let deployment = place.one_project().services[0].deployments.last().unwrap().clone();
    assert_eq!(deployment.status, "REMOVED");
    fleet.remove(&id("alice"), true).await.unwrap();
    place.was_clean();
}
