//! Child processes: each in a group of its own, so that a Ctrl-C at the terminal reaches only us,
//! and ended by id.

use std::{
    fs::File,
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;

/// A child process with a watcher that ends it when this process is gone.
#[derive(Debug)]
pub struct Process {
    child: Child,
    watcher: Child,
    signal: &'static str,
}

impl Process {
    /// Spawns `command` with its output in `log`. `signal` is what ends it in good order.
    pub fn spawn(command: &mut Command, log: &Path, signal: &'static str) -> anyhow::Result<Self> {
        let out = File::options().create(true).append(true).open(log);
        let out = out.with_context(|| format!("`{}` can not be written", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0)
            .spawn()
            .with_context(|| format!("`{}` can not be run", command.get_program().display()))?;
        let watcher = watch(child.id(), signal)?;
        Ok(Self {
            child,
            watcher,
            signal,
        })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it runs still.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it in good order, or by force after ten seconds.
    pub fn stop(&mut self) {
        send(self.child.id(), self.signal);
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.is_running() {
            if Instant::now() > deadline {
                send(self.child.id(), "KILL");
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        // It has ended: collecting it can not fail in a way that matters.
        let _ = self.child.wait();
        let _ = self.watcher.kill();
        let _ = self.watcher.wait();
    }

    /// Closes the watcher's pipe, as the kernel does when this process dies by whatever death.
    pub fn release_watcher(&mut self) {
        drop(self.watcher.stdin.take());
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        send(self.child.id(), "KILL");
        let _ = self.child.wait();
        let _ = self.watcher.kill();
        let _ = self.watcher.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.is_running() {
            self.stop();
        }
    }
}

/// Sends a signal to a process by its id.
pub fn send(pid: u32, signal: &str) {
    // A process that is gone already is what was wanted.
    let _ = Command::new("kill")
        .args(["-s", signal, &pid.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// Whether a process runs, as far as is known. One that has ended but was not collected does not.
pub fn is_alive(pid: u32) -> bool {
    let rows = table();
    rows.is_empty() || rows.iter().any(|row| row.pid == pid && !row.ended)
}

/// The processes that a process has started.
pub fn children(pid: u32) -> Vec<u32> {
    let rows = table().into_iter();
    rows.filter(|row| row.parent == pid && !row.ended)
        .map(|row| row.pid)
        .collect()
}

struct Row {
    pid: u32,
    parent: u32,
    ended: bool,
}

/// What `ps` tells, in the columns that POSIX has; nothing where there is no `ps`.
fn table() -> Vec<Row> {
    let output = Command::new("ps")
        .args(["-A", "-o", "pid=", "-o", "ppid=", "-o", "stat="])
        .output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let rows = text.lines().map(|line| {
        let mut words = line.split_whitespace();
        Some(Row {
            pid: words.next()?.parse().ok()?,
            parent: words.next()?.parse().ok()?,
            ended: words.next()?.starts_with('Z'),
        })
    });
    rows.flatten().collect()
}

/// A shell that reads from a pipe which this process holds open: it ends the child when we end.
fn watch(pid: u32, signal: &str) -> io::Result<Child> {
    Command::new("sh")
        .args(["-c", &format!("read _; kill -s {signal} {pid} 2>/dev/null")])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

/// A command that does not run as root.
pub(crate) fn unprivileged(program: &Path) -> Command {
    let Some(user) = other_user() else {
        return Command::new(program);
    };
    let mut command = Command::new("setpriv");
    command
        .args([
            &format!("--reuid={user}"),
            &format!("--regid={}", group_of(user)),
        ])
        .args(["--clear-groups", "--"])
        .arg(program);
    command.current_dir("/");
    command
}

/// The group of a user that [`other_user`] tells.
pub(crate) fn group_of(user: &str) -> &str {
    if user == "nobody" { "nogroup" } else { user }
}

/// The user to become where we are root.
pub(crate) fn other_user() -> Option<&'static str> {
    let id = |arguments: &[&str]| Command::new("id").args(arguments).output();
    let me = id(&["-u"]).ok()?;
    if me.stdout.trim_ascii() != b"0" {
        return None;
    }
    let has_postgres = id(&["-u", "postgres"]).is_ok_and(|output| output.status.success());
    Some(if has_postgres { "postgres" } else { "nobody" })
}
