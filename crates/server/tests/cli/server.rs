use std::{
    fs,
    os::unix::{fs::PermissionsExt, net::UnixListener},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};

use crate::program::{Folder, eventually};

#[test]
fn status_tells_a_running_server_from_a_stopped_one() {
    let folder = Folder::new();
    let never = not_running(&folder);
    assert_eq!((&never["running"], &never["counts"]), (&json!(false), &json!(null)));
    assert!(!folder.path().join("data").exists(), "status makes nothing");

    let serving = folder.serve();
    let running = folder.json(&["status"]);
    assert_eq!(running["running"], json!(true));
    assert_eq!(running["server"]["listeners"]["http"], serving.listeners["http"]);
    assert_eq!(running["server"]["readiness"], json!({ "status": "ready", "problems": [] }));
    let told = folder.well(&["status"]);
    assert!(told.contains("is running") && told.contains("  ready"), "{told}");

    let (code, took) = serving.stop();
    assert_eq!(code, Some(0));
    assert!(
        took < Duration::from_secs(8),
        "nobody is connected, so it ends at once, not after DRAIN_SECS: {took:?}"
    );
    assert!(!folder.path().join("data/admin.sock").exists());

    let stopped = not_running(&folder);
    assert_eq!((&stopped["running"], &stopped["counts"]["accounts"]), (&json!(false), &json!(0)));
    assert!(folder.run(&["status"]).out.contains("not running"));
}

#[test]
fn without_a_server_status_says_so_first_whatever_else_is_wrong() {
    let folder = Folder::new();
    drop(folder.serve());
    let [key, aside] = ["data/master.key", "aside.key"].map(|name| folder.path().join(name));
    fs::rename(&key, &aside).unwrap();
    for what in ["the key is missing", "the key is wrong", "the database server is down"] {
        match what {
            "the key is wrong" => {
                let other = Folder::new();
                drop(other.serve());
                fs::copy(other.path().join("data/master.key"), &key).unwrap();
            }
            "the database server is down" => folder.set("DB_CONNECTION", "postgres://t@127.0.0.1:9/t"),
            _ => {}
        }
        let told = folder.run(&["status"]);
        assert_eq!((told.code, told.err.as_str()), (Some(4), ""), "{what}: {told:?}");
        assert!(told.out.starts_with("Trunkline is not running"), "{what}: {}", told.out);
        assert!(told.out.contains("not read: ") && told.out.contains("try: "), "{what}: {}", told.out);
        let json = not_running(&folder);
        assert!(json["databaseProblem"].is_string(), "{what}: {json}");
    }
}

#[test]
fn a_server_that_is_not_ready_says_why() {
    let folder = Folder::new();
    let serving = folder.serve();
    fs::rename(folder.path().join("data/trunkline.db"), folder.path().join("aside.db")).unwrap();
    let readiness = &folder.json(&["status"])["server"]["readiness"];
    assert_eq!(readiness["status"], json!("not-ready"));
    assert!(readiness["problems"][0].as_str().unwrap().contains("deleted or moved"), "{readiness}");
    let told = folder.well(&["status"]);
    assert!(told.contains("is running") && told.contains("not ready: database: "), "{told}");
    drop(serving);
}

#[test]
fn who_may_not_ask_the_server_is_not_told_to_restart_it() {
    let folder = Folder::new();
    let serving = folder.serve();
    let socket = folder.path().join("data/admin.sock");
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o000)).unwrap();
    for line in [["status", ""], ["account", "list"], ["reload", ""]] {
        let line: Vec<_> = line.into_iter().filter(|word| !word.is_empty()).collect();
        let refused = folder.run_without_privilege(&line);
        assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{line:?}: {refused:?}");
        assert!(refused.err.contains("the same with sudo"), "{line:?}: {}", refused.err);
        assert!(!refused.err.contains("restart"), "{line:?}: {}", refused.err);
    }
    // The package keeps the configuration from others as well.
    let config = folder.path().join("GoodConnectServer.exe.config");
    fs::set_permissions(&config, fs::Permissions::from_mode(0o000)).unwrap();
    let refused = folder.run_without_privilege(&["status"]);
    assert!(refused.code == Some(1) && refused.err.contains("the same with sudo"), "{refused:?}");
    drop(serving);
}

/// What `status` says when it ends with 4, and with nothing on standard error.
fn not_running(folder: &Folder) -> Value {
    let outcome = folder.run(&["status", "--json"]);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(4), ""));
    serde_json::from_str(&outcome.out).unwrap()
}

/// What collects a server's output takes every line for a line of the log.
#[test]
fn without_a_terminal_nothing_but_the_log_is_written() {
    let folder = Folder::with(&[("LOG_FORMAT", "json")]);
    let serving = folder.command(&["serve"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually("it runs", || folder.run(&["status"]).code == Some(0));
    let stop = std::process::Command::new("kill").arg(serving.id().to_string()).status().unwrap();
    let output = serving.wait_with_output().unwrap();
    assert!(stop.success() && output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
    for line in String::from_utf8(output.stderr).unwrap().lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
}

#[test]
fn the_admin_socket_is_for_its_owner_and_replaces_a_dead_one() {
    let folder = Folder::new();
    fs::create_dir(folder.path().join("data")).unwrap();
    let socket = folder.path().join("data/admin.sock");
    drop(UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());

    let _serving = folder.serve();
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    folder.well(&["account", "list"]);
}

#[test]
fn two_servers_do_not_share_a_folder() {
    let folder = Folder::new();
    let _serving = folder.serve();
    let second = folder.run(&["serve"]);
    assert_eq!((second.code, second.out.as_str()), (Some(1), ""));
    assert!(second.err.contains("a server already runs"), "{}", second.err);
}

#[test]
fn a_server_that_does_not_answer_is_not_gone_around() {
    let folder = Folder::new();
    let _serving = folder.serve();
    fs::remove_file(folder.path().join("data/admin.sock")).unwrap();
    let outcome = folder.run(&["account", "list"]);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(4), ""), "{outcome:?}");
    assert!(outcome.err.contains("cannot be asked"), "{}", outcome.err);
}

#[test]
fn after_a_kill_the_next_command_works() {
    let folder = Folder::new();
    let serving = folder.serve();
    folder.well(&["account", "add", "alice@example.test"]);
    drop(serving);
    assert!(folder.path().join("data/admin.sock").exists());
    assert_eq!(folder.json(&["account", "list"])["accounts"].as_array().unwrap().len(), 1);
    let again = folder.serve();
    assert_eq!(folder.json(&["status"])["counts"]["accounts"], json!(1));
    drop(again);
}

/// After a kill, all of the latest lies in the log alone; a look leaves both files as they are.
#[test]
fn a_look_at_a_killed_server_changes_neither_its_database_nor_its_log() {
    let folder = Folder::new();
    let serving = folder.serve();
    folder.well(&["account", "add", "alice@example.test"]);
    drop(serving);
    let read = || {
        ["trunkline.db", "trunkline.db-wal"]
            .map(|name| fs::read(folder.path().join("data").join(name)).unwrap())
    };
    let before = read();
    assert!(!before[1].is_empty(), "there is a log");
    let doctor: Value = serde_json::from_str(&folder.run(&["doctor", "--json"]).out).unwrap();
    assert!(doctor.to_string().contains("accounts 1"), "{doctor}");
    assert!(read() == before, "doctor");
    assert_eq!(not_running(&folder)["counts"]["accounts"], json!(1));
    assert!(read() == before, "status");
    folder.well(&["backup", "a.backup"]);
    assert!(read() == before, "backup");
}

#[test]
fn a_data_folder_deep_below_works_too() {
    let folder = Folder::new();
    let deep = "d/".repeat(80);
    let config = fs::read_to_string(folder.path().join("GoodConnectServer.exe.config")).unwrap();
    folder.write("GoodConnectServer.exe.config", &config.replace("./data", &format!("./{deep}")));
    let _serving = folder.serve();
    folder.well(&["account", "add", "alice@example.test"]);
    assert_eq!(folder.json(&["status"])["running"], json!(true));
}

#[test]
fn a_port_in_use_is_told_with_what_to_do() {
    let folder = Folder::new();
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = fs::read_to_string(folder.path().join("GoodConnectServer.exe.config")).unwrap();
    let taken = config.replacen("127.0.0.1:0", &holder.local_addr().unwrap().to_string(), 1);
    folder.write("GoodConnectServer.exe.config", &taken);
    let outcome = folder.run(&["serve"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.err.contains("try:") && outcome.err.contains("HTTP_BIND"), "{}", outcome.err);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = Folder::new();
    let mut child = folder.command(&["completions", "bash"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut code = None;
    eventually("the end", || {
        code = child.try_wait().unwrap();
        code.is_some()
    });
    assert_eq!(code.unwrap().code(), Some(0));
}

#[test]
fn nonsense_on_the_admin_socket_is_refused_and_harms_nothing() {
    let folder = Folder::new();
    let _serving = folder.serve();
    for nonsense in ["\n", "{}\n", "[[[[\n", r#"{"do":"reboot"}"#, "{\"do\":\"status\",\n"] {
        let answer = folder.say(&format!("{}\n", nonsense.trim_end()));
        assert!(answer.contains(r#""kind":"invalid""#), "{nonsense:?}: {answer:?}");
    }
    assert_eq!(folder.say(&"x".repeat(1_000_000)), "", "a line without end");
    let profile = format!(
        r#"{{"do":"accountAdd","address":"a@b.test","profile":{{"displayName":"{}"}}}}"#,
        "x".repeat(300)
    );
    assert!(folder.say(&format!("{profile}\n")).contains("over 255 characters"));
    assert_eq!(folder.json(&["account", "list"]), json!({ "accounts": [] }));
}
