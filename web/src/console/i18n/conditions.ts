/**
 * What an instance is doing and why it failed (`message`, `error`), and why a driver is not here, in the reader's language. English is the
 * server's own. A sentence without Chinese words is shown as it came, and so are the instance's own last log lines below it. Pure.
 */
import type { Locale } from '@/shared/locale'
import { inChinese, type Saying } from './sayings'

const EXITS: Saying[] = [
  [/^()exited with code (\d+)$/, '以退出码 $2 退出'],
  [/^()was killed \(signal 9; out of memory\?\)$/, '被强行终止（信号 9，可能是内存不足）'],
  [/^()was ended by signal (\d+)$/, '被信号 $2 终止'],
  [/^()ended$/, '已结束'],
]
const EXIT =
  '(exited with code \\d+|was killed \\(signal 9; out of memory\\?\\)|was ended by signal \\d+|ended)'

const SAYINGS: Saying[] = [
  ...EXITS,
  [
    new RegExp(`^${EXIT}, (\\d+) times in a row without staying healthy$`),
    '$1，连续 $2 次都没能保持正常运行',
  ],
  [new RegExp(`^refuses its configuration \\(${EXIT}\\)$`), '不接受它的配置（$1）'],
  [new RegExp(`^${EXIT}: (.+)$`), '$1：$2'],
  [
    /^()was removed by somebody else; (`creel instance start \S+`) makes it anew$/,
    '已被他人删除：启动它（$2）会重新建立',
  ],
  [/^()what ran it in (\w+) was removed behind creel's back$/, '它在 $2 中的运行体已在 Creel 之外被删除'],
  [/^()was not ready within ([\d.]+) s$/, '在 $2 秒内没有就绪'],
  [/^()port (\d+) was taken by another program; now on (\d+)$/, '端口 $2 被其他程序占用，现改用 $3'],
  [
    /^()port (\d+) is in use by another program; end that one, .*$/,
    '端口 $2 被其他程序占用：请结束那个程序，或换端口重新创建',
  ],
  [/^()port (\d+) is in use by (.+?); choose another.*$/, '端口 $2 被 $3 占用，请换一个'],
  [/^()no free port from (\d+) up.*$/, '从 $2 起没有空闲端口'],
  [/^()repairing the configuration that (\w+) refused$/, '正在修复 $2 拒绝的配置'],
  [/^()waiting to install openclaw (\S+)$/, '等待安装 openclaw $2'],
  [/^()installing openclaw (\S+): node$/, '正在安装 openclaw $2：Node'],
  [/^()installing openclaw (\S+): packages$/, '正在安装 openclaw $2：软件包'],
  [/^()cannot install the runtime (\w+) (\S+): (.+)$/, '无法安装运行时 $2 $3：$4'],
  [/^()another process runs in its directory: (.+) is locked$/, '它的目录里运行着另一个进程：$2 已被锁定'],
  [/^()cannot be removed: (.+)$/, '无法删除：$2'],
  [/^()its memory is in swap$/, '内存已移入交换空间'],
  [/^its processes are stopped, but their memory stays in RAM: (.+)$/, '进程已暂停，但内存仍在 RAM 中：$1'],
  [/^cannot be put to sleep: (.+)$/, '无法休眠：$1'],
  [/^()this host has no swap$/, '本机没有交换空间'],
  [/^()creel has no control group for memory here$/, 'Creel 在这里没有内存控制组'],
  [/^()(\d+) MiB are to be moved to swap, which has (\d+) MiB left$/, '需移出 $2 MiB，交换空间只剩 $3 MiB'],
  [/^()(\d+) of (\d+) MiB could not be moved to swap$/, '$3 MiB 中有 $2 MiB 无法移出'],
  [/^()the kernel refused: (.+)$/, '内核拒绝：$2'],
  [/^()its memory limit \(bytes\) is (\w+), not (\d+)$/, '它的内存上限是 $2 字节，而不是 $3'],
  [/^()its swap limit \(bytes\) is (\w+), not (\d+)$/, '它的交换空间上限是 $2 字节，而不是 $3'],
  [
    /^()its limit of memory and swap \(bytes\) is (\w+), not (\d+)$/,
    '它的内存与交换空间合计上限是 $2 字节，而不是 $3',
  ],
  [/^()its processor (?:limit|period) \((.+)\) is (.+), not (.+)$/, '它的 CPU 上限（$2）是 $3，而不是 $4'],
  [/^()its limit of processes is (\w+), not (\d+)$/, '它的进程数上限是 $2，而不是 $3'],
  [/^()its process (\d+) was moved out of its control group$/, '它的进程 $2 被移出了它的控制组'],
  [/^()the new limits hold from its next start on$/, '新的上限从下次启动起生效'],
  [
    /^()the container is paused; `docker unpause` lets it go on$/,
    '容器已被暂停，用 docker unpause 可让它继续',
  ],
  [/^()the container's memory limit \(bytes\) is (\d+), not (\d+)$/, '容器的内存上限是 $2 字节，而不是 $3'],
  [
    /^()the container's processor limit \(billionths\) is (\d+), not (\d+)$/,
    '容器的 CPU 上限是 $2（十亿分之一），而不是 $3',
  ],
  [/^()the container's limit of processes is (\d+), not (\d+)$/, '容器的进程数上限是 $2，而不是 $3'],
  [/^()the container's restart policy is (\S+), not (\S+)$/, '容器的重启策略是 $2，而不是 $3'],
  [/^()the container is called (\S+), not (\S+)$/, '容器的名称是 $2，而不是 $3'],
  [/^()the container is on the network (\S+) too$/, '容器还接入了网络 $2'],
  [/^()the container is not on its network (\S+)$/, '容器没有接入自己的网络 $2'],
  [
    /^()Docker Engine or Podman on this host, and the right to use its socket$/,
    '本机上的 Docker Engine 或 Podman，以及使用其套接字的权限',
  ],
  [
    /^()Docker does not answer on (.+?) \((.+)\); start it, .+$/,
    'Docker 在 $2 上没有应答（$3）：请启动它，或用 DOCKER_HOST 指定另一个',
  ],
  [/^()Docker does not answer on (.+?) \((.+)\)$/, 'Docker 在 $2 上没有应答（$3）'],
  [
    /^()the user who runs creel may not use Docker's socket (\S+)$/,
    '运行 creel 的用户无权使用 Docker 的套接字 $2',
  ],
  [
    /^()what answers on (.+?) is no container engine \(asked for (.+?)\)$/,
    '在 $2 上应答的不是容器引擎（请求 $3）',
  ],
  [
    /^()DOCKER_HOST is (".*"); creel speaks .+, as in (.+)$/,
    'DOCKER_HOST 为 $2：Creel 只与本机的引擎通信，例如 $3',
  ],
  [
    /^()Railway's client `railway` on this host, signed in .+$/,
    '本机上已登录的 Railway 客户端 `railway`（以运行 creel 的用户执行 `railway login`，或设置 RAILWAY_API_TOKEN），以及 Railway 能拉取的镜像',
  ],
  [
    /^()(?:railway: )?the client `(\S+)` is not installed; .+$/,
    '没有安装客户端 `$2`：请在运行 creel 的机器上安装（https://docs.railway.com/guides/cli），再执行 `railway login`，或设置 RAILWAY_API_TOKEN',
  ],
  [
    /^()(?:railway: )?the client `railway` is (\S+), and creel needs (\S+) or newer; .+$/,
    '客户端 `railway` 的版本是 $2，Creel 需要 $3 或更新的版本：请执行 `railway upgrade`',
  ],
  [
    /^()(?:railway: )?the client `railway` is not signed in \((.+)\); .+$/,
    '客户端 `railway` 没有登录（$2）：请以运行 creel 的用户执行 `railway login`，或设置 RAILWAY_API_TOKEN',
  ],
  [
    /^()(?:railway: )?the account has several workspaces \((.+)\); .+$/,
    '该账户有多个工作区（$2）：请用 CREEL_RAILWAY_WORKSPACE 指定新项目所属的工作区',
  ],
  [/^()Railway cannot be asked: (.+)$/, '无法连接 Railway：$2'],
  [/^()could not be built or deployed$/, 'Railway 未能构建或部署'],
  [/^()looking for the Railway project (\S+)$/, '正在查找 Railway 项目 $2'],
  [/^()making a service in the Railway project (\S+)$/, '正在 Railway 项目 $2 中创建服务'],
  [/^()the service is called (\S+), not (\S+)$/, '服务的名称是 $2，而不是 $3'],
  [/^()what was deployed last \((\S+)\) was not deployed by creel$/, '最近一次部署（$2）不是 Creel 做的'],
  [/^()the service has no volume at (\S+): .+$/, '服务在 $2 没有卷：停止后数据会丢失'],
  [/^()the service is reached at (\S+), not (\S+)$/, '服务的地址是 $2，而不是 $3'],
  [
    /^()Railway has put the service to sleep .+$/,
    'Railway 已让服务休眠（开启了 serverless）：聊天平台的消息不会唤醒它',
  ],
  [
    /^()docker: the image (\S+) is not here and cannot be pulled \((.+)\); build it .+$/,
    '本机没有镜像 $2，也无法拉取（$3）：请构建（deploy/Dockerfile）或载入它，或另选镜像',
  ],
  [
    /^()docker: there is a (?:container|network) (".*") that creel did not make; .+$/,
    '$2 已被并非 Creel 创建的容器或网络占用：请给它改名或删除它',
  ],
  [/^()pulling the image (.+)$/, '正在拉取镜像 $2'],
]

export function conditionWords(text: string, locale: Locale): string {
  if (locale === 'en') return text
  const [first = '', ...own] = text.split('\n')
  return [inChinese(SAYINGS, first), ...own].join('\n')
}
