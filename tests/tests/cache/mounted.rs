//! Small file systems of their own, where this machine lets the tests mount any.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted file system; unmounted when dropped.
pub(crate) struct Mounted {
    at: PathBuf,
    frozen: bool,
}

impl Mounted {
    /// 12 MiB in memory. `None`, said in words, where that is not permitted.
    pub(crate) fn small(at: &Path) -> Option<Self> {
        Self::mount(at, &["-t", "tmpfs", "-o", "size=12m", "tmpfs"], "a full disk and a read-only one")
    }

    /// 64 MiB of ext4 in a file, which can be frozen.
    pub(crate) fn ext4(at: &Path) -> Option<Self> {
        let what = "a disk that does not answer";
        let image = at.with_extension("image");
        std::fs::create_dir_all(at).expect("a directory");
        let made = std::fs::File::create(&image).and_then(|file| file.set_len(64 << 20));
        made.expect("a file of zeros");
        let image = image.to_str().expect("a path of letters");
        if let Err(error) = run("mkfs.ext4", &["-q", image]) {
            println!("left out, {what}: {error}");
            return None;
        }
        Self::mount(at, &["-o", "loop", image], what)
    }

    fn mount(at: &Path, arguments: &[&str], what: &str) -> Option<Self> {
        std::fs::create_dir_all(at).expect("a directory");
        let place = at.to_str().expect("a path of letters");
        let mut all = arguments.to_vec();
        all.push(place);
        match run("mount", &all) {
            Ok(()) => Some(Self { at: at.to_path_buf(), frozen: false }),
            Err(error) => {
                println!("left out, {what}: {error}");
                None
            }
        }
    }

    /// Makes it read-only, or not any more.
    pub(crate) fn read_only(&self, read_only: bool) {
        let mode = if read_only { "remount,ro" } else { "remount,rw" };
        run("mount", &["-o", mode, self.place()]).expect("mounted anew");
    }

    /// From now on whoever writes waits.
    pub(crate) fn freeze(&mut self) {
        run("fsfreeze", &["--freeze", self.place()]).expect("the file system freezes");
        self.frozen = true;
    }

    /// Lets those who wait go on, if there are any.
    pub(crate) fn thaw(&mut self) {
        if std::mem::take(&mut self.frozen) {
            run("fsfreeze", &["--unfreeze", self.place()]).expect("the file system thaws");
        }
    }

    /// Takes all room that is left.
    pub(crate) fn fill(&self) -> PathBuf {
        let path = self.at.join("filler");
        let mut size = 12 << 20;
        let mut taken = vec![0; 0];
        while size > 0 {
            taken.resize(taken.len() + size, 1);
            if std::fs::write(&path, &taken).is_err() {
                taken.truncate(taken.len() - size);
                size /= 2;
            }
        }
        path
    }

    fn place(&self) -> &str {
        self.at.to_str().expect("a path of letters")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.thaw();
        // Lazily: a process that has just been killed may still have files open.
        if let Err(error) = run("umount", &["-l", self.place()]) {
            println!("{}: {error}", self.at.display());
        }
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}
