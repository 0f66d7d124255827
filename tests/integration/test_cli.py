# SPDX-License-Identifier: Apache-2.0
"""phoenix, the command line, against the real API with hosts that are made up (env/fleet.py): every
command, every exit code, every way to print."""
import json
import os
import pty
import re
import select
import subprocess

import pytest
import yaml

from env.common import BUILD, SLOW
from env.fleet import default_figures
from env.lab import Lab

pytestmark = pytest.mark.timeout(60)
PHOENIX = BUILD / "phoenix"
PASSED, ERROR, USAGE, REJECT, INCONCLUSIVE, TIMEOUT = range(6)


class Cli(Lab):
    """run("agent list", ...) and what the program said; the commands that were used are in `used`."""

    def __init__(self, api):
        super().__init__(api)
        self.used = set()
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(api.folder), "LC_ALL": "C.UTF-8",
                            "PHOENIX_API_URL": api.url, "PHOENIX_LIBEXEC_DIR": str(BUILD),
                            "PHOENIX_PLUGIN_DIR": str(api.plugin_dir())}

    def start(self, command, *args):
        """In the background; its exit code comes with .wait()."""
        self.used.add(command)
        return subprocess.Popen([PHOENIX, *command.split(), *args], env=self.environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, command, *args, code=PASSED, stdin="", complains=None):
        self.used.add(command)
        ran = subprocess.run([PHOENIX, *command.split(), *args], env=self.environment, text=True, input=stdin,
                             capture_output=True, timeout=30 * SLOW, check=False)
        assert ran.returncode == code, (command, ran.returncode, ran.stdout, ran.stderr)
        if complains is None:
            complains = code in (ERROR, USAGE, TIMEOUT)
        assert bool(ran.stderr) == complains, ran.stderr
        return ran

    def json(self, command, *args, **how):
        return json.loads(self.run(command, *args, "-o", "json", **how).stdout)

    def everywhere(self, command, *args):
        """The same in all three formats; answers the document."""
        table = self.run(command, *args).stdout
        assert table.strip() and "\x1b" not in table
        document = self.json(command, *args)
        assert type(yaml.safe_load(self.run(command, *args, "-o", "yaml").stdout)) is type(document)
        return document


@pytest.fixture
def cli(api):
    made = Cli(api)
    yield made
    made.close()


def spec(**changes):
    config = {"target_hosts": ["replaced"], "baseline_template": "baseline",
              "candidate_template": {"name": "topk", "parameters": {"k": 5}}, "duration": "1s",
              "warmup_duration": "100ms", "sample_interval": "50ms", "deploy_timeout": "20s",
              "analysis": {"bucket": "200ms", "min_duration": "1s", "min_evidence": "within-host",
                           "success": [{"kpi": "cardinality", "reduction_at_least": 0.3}]}}
    config.update(changes)
    return json.dumps({"name": "cli", "config": config})


def create(cli, host="h1", *args, **changes):
    return cli.json("experiment create", "-f", "-", "--host", host, *args, stdin=spec(**changes))["id"]


def commands():
    text = subprocess.run([PHOENIX, "--dump", "commands"], check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"^### phoenix ([a-z]+(?: [a-z]+)?)", text, re.M))


# ----------------------------------------------------------------------------- commands and codes

def test_every_command_works_and_prints_in_every_format(cli, tmp_path):
    cli.host("h1")
    cli.api.wait_until(lambda: cli.json("agent list")["agents"], "the host is known")
    assert cli.everywhere("agent list")["agents"][0]["host_id"] == "h1"
    assert cli.everywhere("agent get", "h1")["host_id"] == "h1"

    eid = create(cli, load_profile="process-churn")
    assert cli.everywhere("experiment get", eid)["phase"] == "created"
    assert [e["id"] for e in cli.everywhere("experiment list")["experiments"]] == [eid]
    cli.run("experiment start", eid, "--reason", "a test", "--watch", code=INCONCLUSIVE)  # too short to decide
    assert cli.everywhere("experiment get", eid)["phase"] == "completed"
    assert cli.everywhere("experiment kpis", eid)["kpis"]
    assert cli.everywhere("experiment cardinality", eid)["state"] == "no_data"  # test_census.py has some
    assert cli.everywhere("experiment cost", eid)["state"] == "no_data"
    cli.run("experiment kpis", eid, "--exit-code", code=INCONCLUSIVE)
    assert [e["to"] for e in cli.everywhere("experiment events", eid)["events"]][-1] == "completed"
    assert len(cli.everywhere("pipeline list")["pipelines"]) == 2
    assert cli.everywhere("pipeline preview", "topk", "-p", "k=5")["source"] == "last_samples"
    cli.run("experiment rollback", eid, "--watch")
    cli.run("experiment watch", eid, "--timeout", "5s", code=INCONCLUSIVE)
    tasks = cli.everywhere("task list", "--experiment", eid)["tasks"]
    assert cli.everywhere("task get", tasks[0]["id"])["experiment_id"] == eid
    assert cli.everywhere("task queue")["failed"] == 0
    cli.run("experiment delete", eid)
    assert cli.json("experiment list")["experiments"] == []

    other = create(cli, "h1", "--start", duration="30s")
    cli.until(other, "running")
    cli.run("experiment stop", other, "--watch")
    again = create(cli)
    cli.run("experiment start", again, "--watch", code=INCONCLUSIVE)
    cli.run("experiment promote", again, "--watch")

    assert {t["name"] for t in cli.everywhere("pipeline templates")["templates"]} >= {"topk", "adaptive"}
    assert cli.everywhere("pipeline templates", "topk")["name"] == "topk"
    assert cli.everywhere("pipeline templates", "hybrid", "--collector", "otelcol")["collector"] == "otelcol"
    config = tmp_path / "collector.yaml"
    config.write_text(cli.run("pipeline render", "topk", "-p", "k=7").stdout)
    assert yaml.safe_load(config.read_text())["processors"][0]["k"] == 7
    cli.run("pipeline validate", str(config))
    ran = cli.run("pipeline validate", "-", stdin="processors: [{type: nope}]\n", code=ERROR, complains=False)
    assert "1:14" in ran.stdout

    assert {p["name"] for p in cli.everywhere("load profiles")["profiles"]} >= {"steady", "spike"}
    load = cli.json("load start", "steady", "--host", "h1", "--duration", "30s")["id"]
    assert [x["id"] for x in cli.everywhere("load list")["load_simulations"]][0] == load
    cli.run("load adjust", load, "--factor", "2")
    cli.run("load stop", load)

    assert cli.everywhere("plugin list")["refused"] == []
    assert cli.everywhere("plugin describe", "cardinality")
    (tmp_path / "a.db").touch()
    source, target = f"sqlite:{tmp_path}/a.db", f"sqlite:{tmp_path}/b.db"
    assert cli.json("store info", source)["rows"] == 0
    assert "both stores hold the same" in cli.run("store copy", source, target).stdout
    assert cli.json("store verify", source, target)["equal"]

    assert "complete -F" in cli.run("completion bash").stdout
    assert re.search(r"\d+\.\d+", cli.run("version").stdout)
    assert cli.used == commands(), "each command of the table was used, and no other"


def test_the_exit_code_is_the_verdict(cli):
    cli.host("saves")
    cli.host("saves-nothing", figures=lambda variant, now: default_figures("baseline", now))
    cli.host("no-data", figures=lambda variant, now: None)
    started = {name: cli.start("experiment watch", create(cli, name, "--start", duration="10s"))
               for name in ("saves", "saves-nothing", "no-data")}
    codes = {name: process.wait(40) for name, process in started.items()}
    said = {name: process.communicate() for name, process in started.items()}
    assert codes == {"saves": PASSED, "saves-nothing": REJECT, "no-data": INCONCLUSIVE}, said
    assert "verdict promote" in said["saves"][0] and "verdict reject" in said["saves-nothing"][0]


def test_a_watch_that_takes_too_long_says_so(cli):
    cli.host("h1")
    eid = create(cli, "h1", "--start", duration="30s")
    ran = cli.run("experiment watch", eid, "--timeout", "300ms", code=TIMEOUT)
    assert eid in ran.stderr and "still" in ran.stderr


@pytest.mark.parametrize("args", ["experiment", "experiment start", "no such", "agent list --no-such", "agent list -o xml",
                                  "experiment watch x --timeout soon", "agent list --limit many", "agent get a b"])
def test_wrong_usage_is_told_from_an_error(cli, args):
    ran = cli.run(args, code=USAGE)
    assert "phoenix" in ran.stderr and not ran.stdout


def test_an_unknown_thing_is_an_error(cli):
    for command, name in (("experiment get", "01890000-0000-7000-8000-000000000000"), ("agent get", "ghost"),
                          ("plugin describe", "nope"), ("pipeline templates", "nope")):
        cli.run(command, name, code=ERROR)


def test_errors_show_each_fault_and_the_remedy(cli):
    cli.host("h1")
    ran = cli.run("experiment create", "-f", "-", code=ERROR,
                  stdin=spec(duration="-1s", candidate_template={"name": "nope"}, unknown=1))
    assert "/config/duration" in ran.stderr and "/config/unknown" in ran.stderr
    cli.api.wait_until(lambda: cli.json("agent list")["agents"], "the host is known")
    ran = cli.run("experiment promote", create(cli), code=ERROR)
    assert "possible now: start" in ran.stderr


def test_an_api_that_is_not_there_is_an_error_with_a_remedy(cli):
    cli.environment["PHOENIX_API_URL"] = "http://127.0.0.1:1"
    ran = cli.run("agent list", code=ERROR)
    assert "127.0.0.1:1" in ran.stderr and "--api-url" in ran.stderr


def test_a_command_of_stores_says_where_its_program_should_be(cli):
    cli.environment["PHOENIX_LIBEXEC_DIR"] = "/nonexistent"
    ran = cli.run("store info", "sqlite:/x", code=ERROR)
    assert "/nonexistent/phoenix-store" in ran.stderr and "PHOENIX_LIBEXEC_DIR" in ran.stderr
    cli.run("store info", "sqlite:/x", "-o", "yaml", code=USAGE)


# ------------------------------------------------------------------------------ pipes and terminals

def test_a_watch_on_a_pipe_prints_plain_lines(cli):
    cli.host("h1")
    ran = cli.run("experiment start", create(cli), "--watch", code=INCONCLUSIVE)
    assert "\r" not in ran.stdout and "\x1b" not in ran.stdout
    phases = re.findall(r"^\S+ \S+  (\w+)", ran.stdout, re.M)
    assert [p for p in phases if p in ("deploying", "warmup", "running", "completed")] == \
        ["deploying", "warmup", "running", "completed"], ran.stdout


def on_terminal(cli, *args):
    """What the program writes on a terminal, and its exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(PHOENIX, [str(PHOENIX), *args], dict(cli.environment, TERM="xterm"))
    text = b""
    while select.select([terminal], [], [], 20 * SLOW)[0]:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        text += data
    os.close(terminal)
    return text.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_watch_on_a_terminal_has_a_live_line_with_a_bar(cli):
    cli.host("h1")
    eid = create(cli, "h1", "--start", duration="3s")
    text, code = on_terminal(cli, "experiment", "watch", eid)
    assert code == INCONCLUSIVE
    shares = [int(share) for share in re.findall(r"\r\x1b\[Krunning  \[#*-*\] +(\d+) %", text)]
    assert len(shares) >= 2 and shares == sorted(shares) and shares[-1] > 0, text
    assert "\x1b" not in on_terminal(cli, "experiment", "list", "--no-color")[0]


# -------------------------------------------------------------------------------------- completion

@pytest.mark.parametrize("line,found", [
    ("phoenix exp", ["experiment"]), ("phoenix experiment ro", ["rollback"]), ("phoenix load st", ["start", "stop"]),
    ("phoenix experiment create --warm", ["--warmup"]), ("phoenix agent list --sel", ["--selector"]),
    ("phoenix task --out", ["--output"])])
def test_bash_completes(line, found):
    words = line.split()
    script = 'source <("$0" completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _phoenix; ' \
             'printf "%s\\n" "${COMPREPLY[@]}"'
    ran = subprocess.run(["bash", "-c", script, PHOENIX, *words], capture_output=True, text=True, check=False)
    assert ran.stderr == "" and sorted(ran.stdout.split()) == found


# ------------------------------------------------------------------------------------ hostile text

HOSTILE = ["\x1b[2J\x1b[31mred\x07", "a\nb\tc\rd", "\u202egnp.exe", "\u65e5\u672c\u8a9e" * 28, "\U0001f525\u0301" * 30]


def test_hostile_names_do_not_reach_the_terminal_nor_break_the_table(cli):
    cli.host("h1")
    cli.api.wait_until(lambda: cli.json("agent list")["agents"], "the host is known")
    for i, name in enumerate(HOSTILE):
        status, answer = cli.api.heartbeat(f"x{i}", hostname=name, labels={"name": name[:60]}, agent_version="1")
        assert status == 204, answer
    tables = [cli.run("agent list").stdout, cli.run("agent get", "x0").stdout]
    for name in HOSTILE:
        document = json.loads(spec(target_hosts=["h1"]))
        status, made = cli.call("POST", "/api/v1/experiments", dict(document, name=name, description=name))
        if status == 201:
            tables.append(cli.run("experiment get", made["id"]).stdout)
    tables.append(cli.run("experiment list").stdout)
    for text in tables:
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text), repr(text)
    assert len(tables[0].splitlines()) == 1 + 1 + len(HOSTILE), "a row is a line"
    document = cli.json("agent get", "x0")
    assert document["hostname"] == HOSTILE[0], "JSON keeps what was said"
    assert yaml.safe_load(cli.run("agent get", "x1", "-o", "yaml").stdout)["hostname"] == HOSTILE[1]
