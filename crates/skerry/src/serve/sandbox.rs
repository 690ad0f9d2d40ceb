//! What the server may do of what its user may: before V8 and any other thread starts, Landlock narrows the files that it reaches and
//! seccomp the system calls. A Worker that broke out of V8 would find itself in there.
//! <https://docs.kernel.org/userspace-api/landlock.html>

use std::path::{Path, PathBuf};

use ::config::ServerConfig;
use ::config::server::{Https, Sandbox};

/// What name resolution, certificates of authorities and time zones are read from.
#[cfg(target_os = "linux")]
const READ: &[&str] = &[
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/localtime",
    "/etc/ld.so.cache",
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/run/systemd/resolve",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/share/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/share/zoneinfo",
    "/proc",
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
    "/dev/null",
    "/dev/random",
    "/dev/urandom",
];

/// Where SQLite sorts what is larger than its memory.
const TEMPORARY: &[&str] = &["/var/tmp", "/tmp"];

/// What the process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// All accounts.
    Whole,
    /// It has the listeners, starts the processes of accounts, and runs no tenant's code.
    Front,
    /// One account, which has a data directory of its own.
    Account,
}

/// Narrows the process as the configuration says, and prints how far the kernel goes along.
pub fn narrow(config: &ServerConfig, file: Option<&Path>, role: Role) -> Result<(), String> {
    let required = match config.sandbox {
        Sandbox::Off => return Ok(()),
        Sandbox::Auto => false,
        Sandbox::Required => true,
    };
    match enforce(config, file, role) {
        Ok(()) => Ok(()),
        Err(reason) if required => Err(format!("sandbox = \"required\", but {reason}")),
        Err(reason) => {
            tracing::warn!("not narrowed by the kernel: {reason}");
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn enforce(_config: &ServerConfig, _file: Option<&Path>, _role: Role) -> Result<(), String> {
    Err("Landlock and seccomp are Linux's".into())
}

#[cfg(target_os = "linux")]
fn enforce(config: &ServerConfig, file: Option<&Path>, role: Role) -> Result<(), String> {
    // The rules are about folders that are there.
    std::fs::create_dir_all(&config.data)
        .map_err(|error| format!("{} can't be made: {error}", config.data.display()))?;
    files(&reads(config, file), &writes(config, role), role)?;
    system_calls(role)
}

/// Files of the configuration are replaced by new ones, so that their folders count.
fn reads(config: &ServerConfig, file: Option<&Path>) -> Vec<PathBuf> {
    let folder = |path: &Path| match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let ca = |https: &Https| https.acme.as_ref().and_then(|acme| acme.ca.clone());
    let of_https = |https: &Https| [https.certificate.clone(), https.key.clone(), ca(https)].into_iter().flatten();
    let trusted = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let named = file.map(Path::to_owned).into_iter().chain(config.https.iter().flat_map(of_https));
    let mut paths: Vec<PathBuf> = named.map(|path| folder(&path)).collect();
    paths.extend(config.geo.database.iter().cloned());
    paths.extend(trusted);
    paths
}

/// An account's process has a folder for temporary files in its own directory, so that it sees none of another's.
fn writes(config: &ServerConfig, role: Role) -> Vec<PathBuf> {
    if role == Role::Account {
        return vec![config.data.clone()];
    }
    let named = ["SQLITE_TMPDIR", "TMPDIR"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let shared = TEMPORARY.iter().map(PathBuf::from);
    std::iter::once(config.data.clone()).chain(shared).chain(named).collect()
}

#[cfg(target_os = "linux")]
fn files(reads: &[PathBuf], writes: &[PathBuf], role: Role) -> Result<(), String> {
    use landlock::{
        ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
        RulesetError, RulesetStatus, path_beneath_rules,
    };
    let abi = ABI::V5;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    // No devices, nothing to be run; sockets where processes pass requests on to each other.
    let sockets = if role == Role::Whole { AccessFs::MakeSock.into() } else { BitFlags::EMPTY };
    let write = AccessFs::from_all(abi)
        & !(sockets | AccessFs::Execute | AccessFs::MakeBlock | AccessFs::MakeChar | AccessFs::IoctlDev);
    let enforced = || -> Result<RulesetStatus, RulesetError> {
        let ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort);
        let ruleset = ruleset.handle_access(AccessFs::from_all(abi))?.create()?;
        let ruleset = ruleset
            .add_rules(path_beneath_rules(READ, read))?
            .add_rules(path_beneath_rules(reads, read))?
            .add_rules(path_beneath_rules(runs(role), read | AccessFs::Execute))?
            .add_rules(path_beneath_rules(writes, write))?;
        Ok(ruleset.restrict_self()?.ruleset)
    };
    match enforced() {
        Ok(RulesetStatus::NotEnforced) => Err("this kernel has no Landlock".into()),
        Ok(RulesetStatus::PartiallyEnforced | RulesetStatus::FullyEnforced) => Ok(()),
        Err(error) => Err(format!("Landlock refuses: {error}")),
    }
}

/// What may be run: by the front itself, with what loads it.
#[cfg(target_os = "linux")]
fn runs(role: Role) -> Vec<PathBuf> {
    if role != Role::Front {
        return Vec::new();
    }
    let loaders = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"].into_iter().map(PathBuf::from);
    std::env::current_exe().into_iter().chain(loaders).collect()
}

/// Calls that no server of Workers makes and that ways out of one begin with: they fail with EPERM.
#[cfg(target_os = "linux")]
const REFUSED: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_fsconfig,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_open_by_handle_at,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_syslog,
    libc::SYS_lookup_dcookie,
];

/// The families of sockets that there are uses for.
#[cfg(target_os = "linux")]
const FAMILIES: &[i32] = &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// The front alone starts programs: the processes of accounts, which refuse that to themselves.
#[cfg(target_os = "linux")]
const STARTS: &[i64] = &[libc::SYS_execve, libc::SYS_execveat];

#[cfg(target_os = "linux")]
fn system_calls(role: Role) -> Result<(), String> {
    use seccompiler::{
        BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule,
    };
    let program = || -> Result<BpfProgram, BackendError> {
        let others = FAMILIES.iter().map(|family| {
            SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, u64::from(family.unsigned_abs()))
        });
        let other_family = SeccompRule::new(others.collect::<Result<_, _>>()?)?;
        let mut rules: std::collections::BTreeMap<i64, Vec<SeccompRule>> = REFUSED
            .iter()
            .filter(|call| role != Role::Front || !STARTS.contains(call))
            .map(|call| (*call, Vec::new()))
            .collect();
        rules.insert(libc::SYS_socket, vec![other_family]);
        let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
        let machine = std::env::consts::ARCH.try_into()?;
        SeccompFilter::new(rules, SeccompAction::Allow, refused, machine)?.try_into()
    };
    let program = program().map_err(|error| format!("no seccomp filter can be made: {error}"))?;
    seccompiler::apply_filter(&program).map_err(|error| format!("seccomp refuses: {error}"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    /// Narrows a thread as a process of this role is, and leaves the test's other threads alone.
    fn within<T: Send>(config: &ServerConfig, role: Role, look: impl FnOnce() -> T + Send) -> T {
        let narrowed = || {
            files(&reads(config, None), &writes(config, role), role).expect("Landlock");
            look()
        };
        std::thread::scope(|scope| scope.spawn(narrowed).join().expect("a thread"))
    }

    #[test]
    fn a_process_has_its_own_accounts_files_alone() {
        let data = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| data.path().join("accounts").join(name));
        for folder in [&a, &b] {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join("secrets.key"), "secret").unwrap();
        }
        std::fs::write(data.path().join("skerry.toml"), "").unwrap();
        let config = ServerConfig { data: a.clone(), ..ServerConfig::below(data.path()) };
        let refused = |result: std::io::Result<()>| result.unwrap_err().kind() == ErrorKind::PermissionDenied;
        within(&config, Role::Account, || {
            assert_eq!(std::fs::read_to_string(a.join("secrets.key")).unwrap(), "secret");
            std::fs::write(a.join("new"), "").unwrap();
            std::os::unix::net::UnixListener::bind(a.join("http.sock")).unwrap();
            assert!(refused(std::fs::read(b.join("secrets.key")).map(drop)));
            assert!(refused(std::fs::read_dir(&b).map(drop)));
            assert!(refused(std::fs::read_dir(data.path().join("accounts")).map(drop)));
            assert!(refused(std::fs::write(b.join("new"), "")));
            assert!(refused(std::fs::read(data.path().join("skerry.toml")).map(drop)));
            assert!(refused(std::fs::write(std::env::temp_dir().join("skerry-of-another"), "")));
            assert!(refused(std::process::Command::new("/bin/true").status().map(drop)));
        });
        let config = ServerConfig { data: data.path().to_owned(), ..config };
        within(&config, Role::Front, || {
            assert_eq!(std::fs::read_to_string(b.join("secrets.key")).unwrap(), "secret");
            std::os::unix::net::UnixListener::bind(data.path().join("front.sock")).unwrap();
        });
        within(&config, Role::Whole, || {
            assert!(refused(std::os::unix::net::UnixListener::bind(data.path().join("other.sock")).map(drop)));
        });
    }
}
