//! Starts the program in a folder of its own.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::{fs::MetadataExt, net::UnixStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_trunkline");

/// Where the servers of a folder log.
const LOG: &str = "serve.log";

const CONFIG: &str = "GoodConnectServer.exe.config";

/// How long a machine that is busy with other tests may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A working folder with a configuration, and nothing else.
pub(crate) struct Folder(TempDir);

/// What a run of the program left.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A server at work; killed when dropped.
pub(crate) struct Serving {
    child: Child,
    /// The first line of its standard output.
    pub(crate) listeners: Value,
}

impl Folder {
    /// A folder whose configuration uses free ports on loopback and one XMPP backend for corp.test.
    pub(crate) fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write(
            CONFIG,
            r#"<configuration>
  <appSettings>
    <add key="HTTPS_BIND" value="" />
    <add key="HTTP_BIND" value="127.0.0.1:0" />
    <add key="ADMIN_BIND" value="127.0.0.1:0" />
    <add key="DATA_DIR" value="./data" />
  </appSettings>
  <backends>
    <backend kind="xmpp" domain="corp.test" host="127.0.0.1" port="9" />
  </backends>
</configuration>
"#,
        );
        folder
    }

    /// The same with these keys set, or set otherwise.
    pub(crate) fn with(keys: &[(&str, &str)]) -> Self {
        let folder = Self::new();
        for (key, value) in keys {
            folder.set(key, value);
        }
        folder
    }

    /// The same with no backend.
    pub(crate) fn without_backends(keys: &[(&str, &str)]) -> Self {
        let folder = Self::with(keys);
        let config = fs::read_to_string(folder.path().join(CONFIG)).unwrap();
        let lines = config.split_inclusive('\n').filter(|line| !line.contains("backend"));
        folder.write(CONFIG, &lines.collect::<String>());
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        fs::write(self.path().join(name), content).unwrap();
    }

    /// Runs the program to its end, without a terminal.
    pub(crate) fn run(&self, line: &[&str]) -> Outcome {
        outcome(self.command(line))
    }

    /// Runs the program as a user whom modes of files concern, which root is not.
    pub(crate) fn run_without_privilege(&self, line: &[&str]) -> Outcome {
        let plain = self.command(line);
        let mut bound = Command::new("setpriv");
        bound.args(["--bounding-set=-all", "--inh-caps=-all", PROGRAM]).args(line);
        bound.current_dir(self.path()).env_remove("TRUNKLINE_CONFIG").env("NO_COLOR", "1");
        let root = fs::metadata("/proc/self").unwrap().uid() == 0;
        outcome(if root { bound } else { plain })
    }

    /// Runs the program, which must end well.
    pub(crate) fn well(&self, line: &[&str]) -> String {
        let outcome = self.run(line);
        assert_eq!(outcome.code, Some(0), "{line:?}: {outcome:?}");
        outcome.out
    }

    /// Runs the program with `--json`, which must end well and print JSON alone.
    pub(crate) fn json(&self, line: &[&str]) -> Value {
        let out = self.well(&[line, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{line:?}: {error} in {out:?}"))
    }

    /// Starts the server and waits until it listens.
    pub(crate) fn serve(&self) -> Serving {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path().join(LOG)).unwrap();
        let mut child =
            self.command(&["serve", "--json"]).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let listeners = serde_json::from_str(&first).unwrap_or_else(|error| panic!("{error}: {first:?}"));
        Serving { child, listeners }
    }

    /// What the servers of this folder have logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path().join(LOG)).unwrap()
    }

    /// Sets a key in the configuration.
    pub(crate) fn set(&self, key: &str, value: &str) {
        let config = fs::read_to_string(self.path().join(CONFIG)).unwrap();
        let start = format!("    <add key=\"{key}\" ");
        let others: String = config.split_inclusive('\n').filter(|line| !line.starts_with(&start)).collect();
        let line = format!("    <add key=\"{key}\" value=\"{value}\" />\n");
        self.write(CONFIG, &others.replace("  </appSettings>", &format!("{line}  </appSettings>")));
    }

    /// Says something on the admin socket and hears the answer, which is empty when there is none.
    pub(crate) fn say(&self, words: &str) -> String {
        let mut stream = UnixStream::connect(self.path().join("data/admin.sock")).unwrap();
        // The server hangs up on what is too long, so the rest of it may have nowhere to go.
        let _ = stream.write_all(words.as_bytes());
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    pub(crate) fn command(&self, line: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(line).current_dir(self.path()).env_remove("TRUNKLINE_CONFIG").env("NO_COLOR", "1");
        command
    }
}

fn outcome(mut command: Command) -> Outcome {
    let output = command.stdin(Stdio::null()).output().unwrap();
    Outcome {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Serving {
    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let line = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
    }

    /// Sends SIGTERM and waits; gives the exit code and how long the end took.
    pub(crate) fn stop(mut self) -> (Option<i32>, Duration) {
        let told = Instant::now();
        self.terminate();
        let status = self.child.wait().unwrap();
        (status.code(), told.elapsed())
    }

    /// Where phones connect.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listeners["http"].as_str().unwrap())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again until the answer is yes.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never came: {what}");
        std::thread::yield_now();
    }
}
