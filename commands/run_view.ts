/**
 * A run as people read it: what starts, how far it is, what it made.
 */
import { formatCount, formatDuration, shownText } from "../base/mod.ts";
import { placeText } from "../pipeline/checkpoint_notes.ts";
import type { RunEvent } from "../pipeline/events.ts";
import type { InstanceId, StageProgress } from "../pipeline/stage.ts";
import { summaryLine } from "../pipeline/store.ts";
import { LiveLines, type Terminal } from "./live_lines.ts";
import { forecastText } from "./plan_view.ts";
import { barLines, barText, type RunState } from "./run_bar.ts";
import { RunTime } from "./run_time.ts";

type Event<Type extends RunEvent["type"]> = Extract<RunEvent, { readonly type: Type }>;

/** Where lines go. A terminal also gets live lines, one for each running instance, drawn again in place. */
interface Screen extends Terminal {
  readonly isTerminal: boolean;
  /** For text that is shown even with --quiet. */
  writeError(text: string): void;
}

/** Time between two progress lines of an instance where lines cannot be drawn again. */
const lineEveryMs = 10_000;
const redrawEveryMs = 150;
/** And between two lines about the whole run. */
const barEveryMs = 60_000;

/** Columns of names where there is room, so that live lines stand below those that stay. */
const nameColumns = 30;
const wideColumns = 120;

interface ViewOptions {
  readonly isVerbose: boolean;
  readonly showsProfiles?: boolean;
}

interface Running {
  readonly startedAt: number;
  progress?: ProgressMeter;
  printedAt: number;
}

export class RunView {
  readonly #screen: Screen;
  readonly #options: ViewOptions;
  readonly #running = new Map<InstanceId, Running>();
  /** Instances to bring up to date: those of the plan, and those whose results turn out to be damaged. */
  readonly #toDo = new Set<InstanceId>();
  readonly #live: LiveLines;
  readonly #startedAt = performance.now();
  /** Absent before the plan, and from a stop or the end on. */
  #time: RunTime | undefined;
  #finished = 0;
  #cached = 0;
  #failures = 0;
  #validation: string | undefined;
  #drawnAt = -Infinity;
  #barAt = this.#startedAt;

  constructor(screen: Screen, options: ViewOptions) {
    this.#screen = screen;
    this.#live = new LiveLines(screen);
    this.#options = options;
  }

  show(event: RunEvent): void {
    switch (event.type) {
      case "plan":
        for (const { instance, state } of event.instances) {
          if (state !== "fresh") this.#toDo.add(instance);
          else this.#cached++;
        }
        this.#print(header(event));
        this.#time = new RunTime(event);
        return;
      case "started":
        return this.#started(event);
      case "progress":
        return this.#progress(event.instance, event.state);
      case "log":
        this.#validation = validationText(event) ?? this.#validation;
        if (this.#options.showsProfiles && event.message === profileMessage) {
          return this.#print(profileText(event));
        }
        if (event.level === "info" && !this.#options.isVerbose) return;
        return this.#print(logText(event));
      case "checkpoint":
        return;
      case "done":
        this.#running.delete(event.instance);
        this.#time?.end(event.instance, event.durationMs);
        return this.#print(
          line("done", event.instance, [
            ...this.#count(),
            formatDuration(event.durationMs),
            summaryLine(event.summary),
          ]),
        );
      case "cached":
        this.#cached++;
        this.#time?.end(event.instance);
        return this.#print(
          line("cached", event.instance, [...this.#count(), "its inputs are what they were"]),
        );
      case "failed":
        this.#running.delete(event.instance);
        this.#failures++;
        this.#time?.end(event.instance);
        return this.#failed(event);
      case "stopped":
        this.#running.delete(event.instance);
        return this.#print(
          event.leftTo === undefined
            ? line("stopped", event.instance, [stoppedText(event)])
            : line("left", event.instance, [`to ${event.leftTo}`]),
        );
      case "stopping":
        this.#time = undefined; // what is left will not be done
        return this.#print(stoppingText(event));
      case "summary":
        this.#time = undefined;
        return this.#print(summaryText(event));
      default:
        event satisfies never;
    }
  }

  /** Draws the live lines again, so that durations advance. */
  tick(): void {
    if (this.#screen.isTerminal && (this.#running.size > 0 || this.#time !== undefined)) {
      this.#redraw("");
    }
  }

  #started(event: Event<"started">): void {
    const now = performance.now();
    this.#toDo.add(event.instance);
    this.#time?.add(event.instance);
    this.#running.set(event.instance, { startedAt: now, printedAt: now });
    const resumed = event.isResumed ? ", goes on from a checkpoint" : "";
    this.#print(line("start", event.instance, [`${event.reason}${resumed}`]));
  }

  /** Counts one more instance as up to date: `12/65`. */
  #count(): string[] {
    return [`${++this.#finished}/${this.#toDo.size}`.padStart(5)];
  }

  #progress(instance: InstanceId, state: StageProgress): void {
    const running = this.#running.get(instance);
    if (running === undefined) return;
    const now = performance.now();
    running.progress ??= new ProgressMeter(state, now);
    running.progress.add(state, now);
    if (this.#screen.isTerminal) {
      if (now - this.#drawnAt >= redrawEveryMs) this.#redraw("");
    } else if (now - running.printedAt >= lineEveryMs) {
      running.printedAt = now;
      this.#print(line("", instance, [running.progress.text()]));
      if (this.#time === undefined || now - this.#barAt < barEveryMs) return;
      this.#barAt = now;
      this.#print(line("run", barText(this.#state(this.#time, now)), []));
    }
  }

  #state(time: RunTime, now: number): RunState {
    const atWork = new Map(
      [...this.#running].map(([id, { startedAt, progress }]) =>
        [id, { startedAt, leftMs: progress?.leftMs(now) }] as const
      ),
    );
    return {
      finished: this.#finished,
      toDo: this.#toDo.size,
      running: this.#running.size,
      cached: this.#cached,
      failed: this.#failures,
      elapsedMs: now - this.#startedAt,
      time: time.at(now, atWork),
      validation: this.#validation,
    };
  }

  #failed({ instance, message, stack, log }: Event<"failed">): void {
    this.#live.clear();
    const details = this.#options.isVerbose && stack !== undefined ? stack : message;
    this.#screen.writeError(shownText(`error: ${instance} failed: ${details}\n  log: ${log}\n`));
    this.#redraw("");
  }

  #print(text: string): void {
    this.#redraw(`${text}\n`);
  }

  /** Replaces the live lines by lines that stay, and by the new live lines. */
  #redraw(lasting: string): void {
    if (!this.#screen.isTerminal) {
      if (lasting !== "") this.#screen.write(shownText(lasting));
      return;
    }
    const now = performance.now();
    const { columns } = this.#screen.size();
    const names = [...this.#running.keys()].map(({ length }) => length);
    const width = columns >= wideColumns ? nameColumns : Math.max(0, ...names);
    this.#live.draw(
      [
        ...(this.#time === undefined ? [] : barLines(this.#state(this.#time, now), columns)),
        ...[...this.#running].map(([instance, { progress, startedAt }]) =>
          line("  …", instance, [progress?.text() ?? formatDuration(now - startedAt)], width)
        ),
      ].map(shownText),
      shownText(lasting),
    );
    this.#drawnAt = now;
  }
}

/** Rates and the remaining time, from reports of progress. */
export class ProgressMeter {
  #first: StageProgress;
  #firstAt: number;
  #latestAt: number;
  #latest: StageProgress;
  #lossNats: number | undefined;
  #tokens = 0;

  constructor(first: StageProgress, now: number) {
    this.#first = this.#latest = first;
    this.#firstAt = this.#latestAt = now;
    // Tokens before the first report took a time that is not known.
    this.#tokens = -(first.tokens ?? 0);
  }

  add(state: StageProgress, now: number): void {
    if (state.done < this.#latest.done) { // another attempt began: what the one before it took says nothing about this one
      this.#first = state;
      this.#firstAt = now;
      this.#tokens = -(state.tokens ?? 0);
    }
    this.#latest = state;
    this.#latestAt = now;
    this.#tokens += state.tokens ?? 0;
    this.#lossNats = state.lossNats ?? this.#lossNats;
  }

  /** Until all is done, at the rate so far; undefined as long as nothing tells. */
  leftMs(now: number): number | undefined {
    const { done, total } = this.#latest;
    const advanced = done - this.#first.done;
    if (advanced <= 0 || total <= 0) return undefined;
    const ms = (total - done) * (this.#latestAt - this.#firstAt) / advanced;
    return Math.max(0, ms - (now - this.#latestAt));
  }

  /** `step 120/400  loss 3.21  ~12 s left  34.1k tokens/s`. */
  text(): string {
    const { done, total, unit, note = "" } = this.#latest;
    const ms = this.#latestAt - this.#firstAt;
    const left = this.leftMs(this.#latestAt);
    const parts = [
      total > 0 ? `${unit} ${done}/${total}` : `${unit} ${done}`,
      this.#lossNats === undefined ? "" : `loss ${this.#lossNats.toFixed(3)}`,
      left === undefined ? "" : `~${formatDuration(left)} left`,
      this.#tokens > 0 && ms > 0 ? `${formatCount(1000 * this.#tokens / ms)} tokens/s` : "",
      note,
    ];
    return parts.filter((part) => part !== "").join("  ");
  }
}

function header(plan: Event<"plan">): string {
  const count = (state: string) => plan.instances.filter((it) => it.state === state).length;
  const plural = plan.instances.length === 1 ? "" : "s";
  const waiting = count("waiting");
  const after = waiting === 0 ? "" : `, ${waiting} that wait for these`;
  return [
    `${plan.recipe}: ${plan.description}`,
    `store ${plan.store} · engine ${plan.engine} · ${plan.jobs} at once`,
    `${plan.instances.length} instance${plural}: ${count("run")} to run${after}, ${
      count("fresh")
    } cached`,
    ...(plan.forecast.durationMs > 0
      ? [`if all of them run: ${forecastText(plan.forecast, plan.jobs)}`]
      : []),
    "",
  ].join("\n");
}

function line(
  word: string,
  instance: InstanceId,
  rest: readonly string[],
  width = nameColumns,
): string {
  const details = rest.filter((text) => text !== "").join("  ");
  const start = width < nameColumns ? word.padEnd(3) : word.padEnd(7);
  return `${start} ${instance.padEnd(width)}  ${details}`.trimEnd();
}

/** `3.214 nats (pretrain/trim round 4)`: what stages log of each validation; undefined for other messages. */
function validationText({ instance, fields = {} }: Event<"log">): string | undefined {
  const { validationLossNats: nats } = fields;
  if (typeof nats !== "number") return undefined;
  const places = ["round", "step"].filter((name) => typeof fields[name] === "number");
  const place = places.map((name) => ` ${name} ${fields[name]}`).join("");
  return `${nats.toFixed(3)} nats (${instance}${place})`;
}

function logText({ level, instance, message, fields }: Event<"log">): string {
  const details = fields === undefined ? "" : `  ${summaryLine(fields)}`;
  return line(level === "warn" ? "warning" : "info", instance, [`${message}${details}`]);
}

/** The message under which a stage logs the time of each phase, in milliseconds. */
const profileMessage = "profile";

/** `forwardBackward 12.3 s (81 %)  optimizer …`: the phases that took time, the longest first. */
function profileText({ instance, fields = {} }: Event<"log">): string {
  const phases = Object.entries(fields).filter((entry): entry is [string, number] =>
    typeof entry[1] === "number"
  );
  const total = phases.reduce((sum, [, ms]) => sum + ms, 0);
  const shown = phases.filter(([, ms]) => ms > 0).sort(([, a], [, b]) => b - a)
    .map(([phase, ms]) => `${phase} ${formatDuration(ms)} (${(100 * ms / total).toFixed(1)} %)`);
  return line("profile", instance, shown);
}

function stoppedText({ stoppingMs, stoppedAt, hasCheckpoint }: Event<"stopped">): string {
  const after = stoppingMs === undefined ? "" : `after ${formatDuration(stoppingMs)}, `;
  const at = stoppedAt === undefined ? "" : ` (${placeText(stoppedAt)})`;
  const next = hasCheckpoint === false ? "begins again" : "goes on from its last checkpoint";
  return `${after}${next}${at}`;
}

function stoppingText({ signal, running }: Event<"stopping">): string {
  if (running.length === 0) return `Stopping (${signal})`;
  const further = signal === "SIGINT" ? "a further Ctrl-C" : "a further signal";
  return `Stopping (${signal}): waiting for ${running.join(", ")} to write a checkpoint; ` +
    `${further} ends at once`;
}

function summaryText(summary: Event<"summary">): string {
  const { ran, cached, failed, left } = summary;
  const failures = failed.length === 0 ? "" : `, failed ${failed.length} (${failed.join(", ")})`;
  const rest = left.length === 0 ? "" : `, not done ${left.length}`;
  const again = failures + rest === ""
    ? ""
    : "\nThe same command goes on from here: what is done is kept";
  return `\nran ${ran.length}, cached ${cached.length}${failures}${rest} in ` +
    formatDuration(summary.durationMs) + again;
}
