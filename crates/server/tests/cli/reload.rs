use std::fs;

use crate::program::{Folder, eventually};

/// Whoever watches the server's log must see a change that waits, wherever the fault is found first.
#[test]
fn a_refused_reload_is_in_the_log_of_the_server() {
    let folder = Folder::new();
    let _serving = folder.serve();
    let config = folder.path().join("GoodConnectServer.exe.config");
    let good = fs::read_to_string(&config).unwrap();
    let refusals = || folder.log().matches("the configuration was not reloaded").count();
    let faulty =
        [good.replace("HTTP_BIND", "HTTP_BNID"), good.replace("</appSettings>", ""), "not XML".to_owned()];
    for (before, faulty) in faulty.iter().enumerate() {
        fs::write(&config, faulty).unwrap();
        let refused = folder.run(&["reload"]);
        assert!(refused.code == Some(1) && refused.err.contains("nothing was changed"), "{refused:?}");
        eventually("the refusal in the log", || refusals() == before + 1);
    }
    fs::write(&config, good).unwrap();
    folder.well(&["reload"]);
    assert_eq!(refusals(), faulty.len());
    let log = folder.log();
    let audit: Vec<_> =
        log.lines().filter(|line| line.contains("audit") && line.contains("reload")).collect();
    assert_eq!(audit.len(), 4, "{log}");
    assert_eq!(audit.iter().filter(|line| line.contains("refused=")).count(), 3, "{log}");
}
