/**
 * Names and settings of a cluster for tests: what `slurm.conf` says, and what the network has.
 */
import { join } from "node:path";

export interface LabNames {
  /** Of all its files. */
  readonly folder: string;
  readonly configuration: string;
  readonly bridge: string;
  /** This machine's on the bridge. */
  readonly address: string;
  /** Where the controller runs. */
  readonly head: LabHost;
  readonly nodes: readonly LabHost[];
}

export interface LabHost {
  /** As Slurm has it, and its own host name. */
  readonly name: string;
  readonly namespace: string;
  /** The end of its link at the bridge. */
  readonly link: string;
  readonly address: string;
}

/** Names that no cluster of another number has. @param slot from 0 to 199 */
export function labNames(folder: string, slot: number): LabNames {
  const host = (name: string, last: number): LabHost => ({
    name,
    namespace: `deptlab${slot}-${name}`,
    link: `deptlab${slot}-${name}`, // at most 15 characters
    address: `10.77.${slot}.${last}`,
  });
  return {
    folder,
    configuration: join(folder, "slurm.conf"),
    bridge: `deptlab${slot}`,
    address: `10.77.${slot}.1`,
    head: host("head", 2),
    nodes: [1, 2, 3].map((node) => host(`n${node}`, 10 + node)),
  };
}

/** Ports are the same for all clusters: each host has a network of its own. */
export function slurmConfiguration({ folder, head, nodes }: LabNames): string {
  const shown = nodes.map(({ name, address }) =>
    `NodeName=${name} NodeAddr=${address} CPUs=2 RealMemory=2000 State=UNKNOWN`
  );
  return `ClusterName=lab
SlurmctldHost=${head.name}(${head.address})
SlurmUser=root
SlurmctldPort=7817
SlurmdPort=7818
AuthType=auth/munge
AuthInfo=socket=${folder}/run/munge.sock
CryptoType=crypto/munge
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool-%n
SlurmctldPidFile=${folder}/run/slurmctld.pid
SlurmdPidFile=${folder}/run/slurmd-%n.pid
SlurmctldLogFile=${folder}/log/slurmctld.log
SlurmdLogFile=${folder}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
JobRequeue=1
RequeueExit=75
ReturnToService=2
SlurmdTimeout=10
SlurmctldTimeout=10
MessageTimeout=5
KillWait=5
InactiveLimit=0
MinJobAge=300
SchedulerParameters=sched_interval=1,batch_sched_delay=1,sched_min_interval=100000,bf_interval=2
${shown.join("\n")}
PartitionName=main Nodes=${
    nodes.map(({ name }) => name).join(",")
  } Default=YES MaxTime=INFINITE State=UP
`;
}
