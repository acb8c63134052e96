/** What `creel doctor` finds, and its remedies, in the reader's language. A remedy that is a command alone stays one. Pure. */
import type { Locale } from '@/shared/locale'
import { inChinese, type Saying } from './sayings'

const SAYINGS: Saying[] = [
  // Confinement
  [/^()it may gain privileges$/, '它可能获得更多权限'],
  [/^()it has capabilities of root$/, '它拥有 root 的能力'],
  [/^()it is not confined to its own files$/, '它没有被限制在自己的文件内'],
  [
    /^()an earlier creel started it, and left no note of what confines it$/,
    '它由较早的 creel 启动，没有留下隔离情况的记录',
  ],
  [/^()sockets in \/run and \/tmp are within its reach$/, '它能接触到 /run 和 /tmp 里的套接字'],
  [/^()of Landlock the kernel has only a part: .+$/, '内核只支持部分 Landlock：端口、信号或设备没有隔离'],
  [/^()its memory is not limited$/, '它的内存没有上限'],
  [/^()its processes are not counted by a control group$/, '没有控制组统计它的进程数'],
  [/^()its limit of (\w+) is (.+), and recorded is (.+)$/, '它的 $2 上限是 $3，而记录是 $4'],
  [/^()confined: (.+)$/, '已隔离：$2'],
  [
    /^()run creel as a service with Delegate=yes, or as root$/,
    '以 Delegate=yes 的服务或 root 身份运行 creel',
  ],
  [
    /^()run a kernel with Landlock: .+$/,
    '使用带 Landlock 的内核：Linux 5.13 或更新，且 landlock 列在 /sys/kernel/security/lsm 中',
  ],
  [
    /^()run creel as root, or allow user namespaces \((.+)\)$/,
    '以 root 身份运行 creel，或允许用户命名空间（$2）',
  ],
  // Disk
  [/^(.+): turns and records cannot be stored soon$/, '$1：很快将无法保存对话和记录'],
  [/^()(.+) of (.+) are free$/, '共 $3，剩余 $2'],
  [/^()room for (\d+) more files only$/, '只能再容纳 $2 个文件'],
  [/^()creel\.db takes (.+)$/, 'creel.db 占用 $2'],
  [/^()its logs take (.+), which is more than is kept of them$/, '它的日志占用 $2，超过了应保留的量'],
  [
    /^()the logs of (\d+) instances take (.+); of each at most (.+) are kept$/,
    '$2 个实例的日志占用 $3，每个最多保留 $4',
  ],
  [/^()make room: .+$/, '请腾出空间：旧备份和旧运行时、已清除的实例、其他程序的文件'],
  [
    /^()start `creel up`, which puts logs aside, .+$/,
    '启动 creel up，由它轮转日志；或删除以 .1、.2、.3 结尾的文件',
  ],
  // Permissions
  [/^()secrets\/master\.key is gone: .+$/, 'secrets/master.key 不见了：没有它，加密的令牌和密钥都无法打开'],
  [
    /^()put it back from a backup of the home; .+$/,
    '从备份中恢复；没有备份则需更换所有令牌并重新填写所有密钥',
  ],
  [/^()(\d+) files and directories are for their owner alone$/, '$2 个文件和目录只有所有者可以访问'],
  [/^()(.+) belongs to user (\d+), not to (\d+), who runs creel$/, '$2 属于用户 $3，而不是运行 creel 的 $4'],
  [/^()(.+) is open to others \(mode (\d+)\)$/, '其他用户可以访问 $2（权限 $3）'],
  // Ports
  [/^()(\d+) instances listen on their own$/, '$2 个实例都在自己的端口上监听'],
  [/^()recorded for (.+)$/, '同时记录给 $2'],
  [/^()port (\d+) is for programs with privileges, .+$/, '端口 $2 只供特权程序使用，实例没有特权'],
  [
    /^()another program listens on its port (\d+); process (\d+) does not$/,
    '另一个程序占用了它的端口 $2，进程 $3 没有在监听',
  ],
  [/^()process (\d+) does not listen on its port (\d+)$/, '进程 $2 没有在端口 $3 上监听'],
  [
    /^()another program listens on its port (\d+): its next start takes another$/,
    '另一个程序占用了它的端口 $2：下次启动会换一个',
  ],
  [
    /^()another program listens on its port (\d+), and it was made with this one$/,
    '另一个程序占用了它的端口 $2，而它创建时指定了这个端口',
  ],
  [/^()another program listens on its port (\d+)$/, '另一个程序占用了它的端口 $2'],
  [
    /^()end that program \((.+)\), or make the instance anew with another port$/,
    '结束那个程序（$2），或换端口重新创建实例',
  ],
  [/^()make it anew with another port: (.+), then (.+)$/, '换端口重新创建：先 $2，再 $3'],
  [/^()make all but one of them anew: (.+), then (.+)$/, '保留一个，其余重新创建：先 $2，再 $3'],
  // Versions
  [/^()version (.+)$/, '版本 $2'],
  [/^()it runs (.+), not (.+)$/, '它运行的是 $2，而不是 $3'],
  [/^()(creel instance restart \S+), when it suits its user$/, '在使用者方便时：$2'],
  [
    /^()pinned by (.+) and not installed; the next start installs it from npm$/,
    '$2 指定了它但尚未安装，下次启动时从 npm 安装',
  ],
  [
    /^()see that the npm registry can be reached from here, .+$/,
    '确认本机能访问 npm 仓库，或用 CREEL_OPENCLAW_CACHE 指定缓存',
  ],
  [/^()installed, with node (.+); pinned by (.+)$/, '已安装，Node $2，由 $3 指定'],
  [/^()no instance uses (.+)$/, '没有实例使用 $2'],
  // The host
  [/^()(\d+) MiB of swap, (\d+) MiB of it free$/, '交换空间 $2 MiB，剩余 $3 MiB'],
  [
    /^()there is none: an instance that sleeps keeps its memory, .+$/,
    '没有交换空间：休眠的实例仍占用内存，内存耗尽时进程会被强行终止',
  ],
  [
    /^()add a swap file \(mkswap, swapon\), or switch zram on$/,
    '添加交换文件（mkswap、swapon），或启用 zram',
  ],
  [/^()no control groups are mounted$/, '没有挂载控制组'],
  [/^()mount \/sys\/fs\/cgroup; .+$/, '挂载 /sys/fs/cgroup；在容器中请给它自己的 cgroup 命名空间'],
  [/^()a process may open (\d+) files: .+$/, '一个进程只能打开 $2 个文件，对许多实例和连接来说太少'],
  [/^()raise the hard limit: .+$/, '提高硬上限：服务的 LimitNOFILE=，或 ulimit -Hn'],
  [/^()anybody may make them$/, '任何用户都可以创建'],
  [/^()nobody but root may make them, and creel is root$/, '只有 root 可以创建，而 creel 正是 root'],
  [/^()this user may make none: .+$/, '这个用户不能创建：实例与主机共用 /tmp 和 /run'],
  // Drift
  [/^()(\d+) instances are as they are recorded$/, '$2 个实例与记录一致'],
  [
    /^()its sealed token does not open with secrets\/master\.key: .+$/,
    '它的令牌无法用 secrets/master.key 打开，因而不能启动',
  ],
  [
    /^()it is recorded as stopped, and process (\d+) runs in its directory$/,
    '记录为已停止，而进程 $2 在它的目录中运行',
  ],
  [/^()it is recorded as running.*, and nothing runs$/, '记录为运行中，而没有进程在运行'],
  [/^()it should run and does not: (.+)$/, '应当运行而没有运行：$2'],
  [/^()its directory (.+) is gone$/, '它的目录 $2 不见了'],
  [/^()put it back from a backup, or have empty files made: (.+)$/, '从备份恢复，或重新生成空文件：$2'],
  [/^()(\S+) is missing$/, '缺少 $2'],
  [/^()(.+) is left of a creation that was cut off$/, '$2 是一次中断的创建留下的'],
  [/^()the next `creel up` settles it$/, '下次 creel up 会处理'],
  [/^()data of removed instances is kept: (.+)$/, '保留着已删除实例的数据：$2'],
  [/^()(creel instance rm ID --purge) deletes what is not needed any more$/, '$2 可删除不再需要的'],
]

export function findingWords(text: string, locale: Locale): string {
  return locale === 'en' ? text : inChinese(SAYINGS, text)
}
