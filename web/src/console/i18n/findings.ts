/**
 * What `creel doctor` finds, and its remedies, in the reader's language: from the code of a sentence and what it carries. English is the
 * server's own; a code without words here is said as the server said it. Pure.
 */
import type { Locale } from '@/shared/locale'
import type { Sentence, SentenceArgument } from '../api/types'
import { conditionWords } from './conditions'
import { featureWords } from './facts'

/** `{name}` is an argument. */
export const CHINESE: Record<string, string> = {
  // The control plane
  up_for: '已运行 {seconds} 秒',
  up_does_not_answer: '正在使用 {path} 的 creel up 没有应答：{reason}',
  no_up: '没有 creel up 在 {path} 上运行：以下是文件和进程本身所显示的',
  no_home_yet: '{path} 还不是 Creel 的目录，首次 creel up 会创建它',
  records_unreadable: '无法读取记录：{reason}',
  // Confinement
  because: '{what}：{because}',
  confined: '已隔离：{by}',
  no_new_privileges: '不能获得新权限',
  may_gain_privileges: '它可能获得更多权限',
  no_capabilities: '没有特权能力',
  capabilities: '它拥有 root 的能力',
  landlock_full: '由 Landlock 限制在自己的文件和端口内',
  landlock_files: '由 Landlock 限制在自己的文件内',
  landlock_part: '内核只支持部分 Landlock：端口、信号或设备没有隔离',
  landlock_none: '它没有被限制在自己的文件内',
  no_note: '它由较早的 creel 启动，没有留下隔离情况的记录',
  own_mounts: '有自己的挂载',
  no_own_mounts: '它能接触到 /run 和 /tmp 里的套接字',
  memory_limit: '内存 {mib} MiB',
  memory_unlimited: '它的内存没有上限',
  cpu_limit: '{cpus} 个 CPU',
  process_limit: '{processes} 个进程',
  processes_uncounted: '没有控制组统计它的进程数',
  limit_differs: '它的 {limit} 上限是 {kept}，而记录是 {recorded}',
  privileged: '它的容器是特权容器：可以做本机 root 能做的一切',
  read_only_root: '根文件系统只读',
  writable_root: '它能写入整个根文件系统',
  own_user: '没有特权的用户',
  runs_as_root: '它以 root 身份运行',
  init: '有回收已结束进程的 init',
  no_init: '它没有 init：已结束的进程不会被回收',
  own_network: '有自己的网络',
  network_of_others: '它接入了网络 {networks}，那里还有别的容器',
  shares_namespaces: '它与其他程序共用命名空间：{namespaces}',
  reaches_files: '它的容器里有不属于它的本机文件：{paths}',
  engine_keeps_none: '引擎不执行这项限制',
  loopback_only: '端口只供本机使用',
  published: '从外部可以绕过 Creel 访问它：发布在 {addresses}',
  // The container engine
  engine: '{engine} {version}（API {api}）',
  engine_rootless: '{engine} {version}（API {api}），不以 root 运行',
  engine_too_old: '{engine} {version}（API {api}）太旧，Creel 无法使用',
  engine_upgrade: '安装 Docker 20.10 或更新，或 Podman 4 或更新',
  engine_unneeded: '没有实例需要它，目前也无法在那里创建实例：{reason}',
  engine_away: '无法启动、停止或查看容器中的实例：{reason}',
  engine_refuses: '{reason}',
  engine_start: '启动它，或用 DOCKER_HOST=unix:///… 指定另一个',
  engine_join_group: '把该用户加入套接字所属的组（通常是 docker）',
  engine_instead: '在那里启动 Docker，或用 DOCKER_HOST=unix:///… 指定另一个',
  engine_no_limits: '它不执行这些上限：{limits}，实例可以随意占用',
  engine_delegate:
    '把控制组委派给它的用户：在 user@.service 中设置 Delegate=cpu cpuset io memory pids，并使用第 2 版控制组',
  engine_mount_cgroups: '挂载它缺少的控制组（/sys/fs/cgroup），再重新启动它',
  engine_no_swap_limit: '它不统计交换空间：实例超出内存上限后会占满本机的交换空间',
  engine_swapaccount: '以 swapaccount=1 启动内核，或使用第 2 版控制组',
  image_unpinned: '它的镜像 {image} 没有固定：同一名称以后可能是另一个镜像',
  image_not_there: '引擎上没有它的镜像 {image}：下次启动时必须拉取',
  get_image: '拉取或载入它；或构建另一个（deploy/Dockerfile），再依次执行 {again}',
  image_another: '它运行的是 {runs}，而不是它的镜像 {image}',
  // The host
  get_landlock: '使用带 Landlock 的内核：Linux 5.13 或更新，且 landlock 列在 /sys/kernel/security/lsm 中',
  get_mounts:
    '以 root 身份运行 creel，或允许用户命名空间（sysctl user.max_user_namespaces、kernel.unprivileged_userns_clone）',
  get_cgroups: '以 Delegate=yes 的服务或 root 身份运行 creel',
  swap: '交换空间 {total_mib} MiB，剩余 {free_mib} MiB',
  no_swap: '没有交换空间：休眠的实例仍占用内存，内存耗尽时进程会被强行终止',
  add_swap: '添加交换文件（mkswap、swapon），或启用 zram',
  version: '版本 {version}',
  no_cgroups: '没有挂载控制组',
  mount_cgroups: '挂载 /sys/fs/cgroup；在容器中请给它自己的 cgroup 命名空间',
  few_open_files: '一个进程只能打开 {files} 个文件，对许多实例和连接来说太少',
  raise_open_files: '提高硬上限：服务的 LimitNOFILE=，或 ulimit -Hn',
  user_namespaces: '任何用户都可以创建',
  user_namespaces_of_root: '只有 root 可以创建，而 creel 正是 root',
  no_user_namespaces: '这个用户不能创建：实例与主机共用 /tmp 和 /run',
  allow_user_namespaces: '{command}，或以 root 身份运行 creel',
  // Disk
  disk_free: '共 {total}，剩余 {free}',
  disk_full_soon: '共 {total}，剩余 {free}：很快将无法保存对话和记录',
  disk_few_files: '只能再容纳 {files} 个文件',
  make_room: '请腾出空间：旧备份和旧运行时、已清除的实例、其他程序的文件',
  records_size: 'creel.db 占用 {size}',
  logs_large: '它的日志占用 {size}，超过了应保留的量',
  logs_size: '{instances} 个实例的日志占用 {size}，每个最多保留 {most}',
  put_logs_aside: '启动 creel up，由它轮转日志；或删除以 .1、.2、.3 结尾的文件',
  // Permissions
  no_master_key: 'secrets/master.key 不见了：没有它，加密的令牌和密钥都无法打开',
  put_master_key_back: '从备份中恢复；没有备份则需更换所有令牌并重新填写所有密钥',
  private: '{entries} 个文件和目录只有所有者可以访问',
  anothers: '{path} 属于用户 {owner}，而不是运行 creel 的 {own}',
  open_to_others: '其他用户可以访问 {path}（权限 {mode}）',
  // Ports
  listening: '{instances} 个实例都在自己的端口上监听',
  port_twice: '同时记录给 {instances}',
  remake_all_but_one: '保留一个，其余重新创建：先 {remove}，再 {create}',
  port_privileged: '端口 {port} 只供特权程序使用，实例没有特权',
  remake_with_another_port: '换端口重新创建：先 {remove}，再 {create}',
  port_anothers_not_its: '另一个程序占用了它的端口 {port}，进程 {pid} 没有在监听',
  port_not_its: '进程 {pid} 没有在端口 {port} 上监听',
  port_anothers: '另一个程序占用了它的端口 {port}',
  port_anothers_made_with: '另一个程序占用了它的端口 {port}，而它创建时指定了这个端口',
  port_anothers_next: '另一个程序占用了它的端口 {port}：下次启动会换一个',
  end_that_program: '结束那个程序（用 {command} 查看是哪个），或换端口重新创建实例',
  // Versions
  another_program: '它运行的是 {runs}，而不是 {not}',
  restart_when_it_suits: '在使用者方便时：{command}',
  not_installed: '{instances} 指定了它但尚未安装，下次启动时从 npm 安装',
  reach_npm: '确认本机能访问 npm 仓库，或用 CREEL_OPENCLAW_CACHE 指定缓存',
  another_version: '{path} 中的版本是 {version}',
  stop_and_reinstall: '停止 {instances}，再执行 {command}：下次启动会重新安装',
  pinned_elsewhere: '由 {instances} 指定；本 creel 针对的是 {made_for}',
  no_node: '{path} 中没有 Node',
  old_node: '它的 Node 是 {node}；OpenClaw 需要 24.16 以上的 24 版，或 26.1 以上',
  reinstall: '{command}：下次启动会重新安装',
  installed: '已安装，Node {node}，由 {instances} 指定',
  unused_runtimes: '没有实例使用 {runtimes}',
  remove_unused: '在 {path} 中用 rm -r 删除可腾出空间',
  // Drift
  token_sealed: '它的令牌无法用 secrets/master.key 打开，因而不能启动',
  put_right_key_back: '放回正确的 master.key，或执行 {command}',
  as_recorded: '{instances} 个实例与记录一致',
  lock_held: '{path} 被占用，而无法得知是谁',
  run_by_compose: '由 compose 运行：容器的进程 {pid} 占用着它的目录',
  should_run_and_is_contained: '应由 creel 运行，而容器（可能由 compose 启动）的进程 {pid} 占用着它的目录',
  take_back: '要交还给 creel：在 compose 文件所在处执行 {down}，再执行 {start}',
  find_and_end: '找到并结束它：{command}',
  stopped_and_runs: '记录为已停止，而进程 {pid} 在它的目录中运行',
  running_and_does_not: '记录为运行中，而没有进程在运行',
  should_run: '应当运行而没有运行：{reason}',
  changed_behind: '在 Creel 之外被改动：{drift}',
  container_anothers: '已有一个并非 Creel 创建的容器 {container}：无法创建它自己的容器',
  look_and_remove: '查看它是什么（{look}），再给它改名或执行 {remove}',
  stopped_and_container: '记录为已停止，而容器 {container} 在运行',
  no_container: '记录为运行中，而没有容器在运行',
  container_runs_unrecorded: '容器 {container} 在运行，而它不属于任何有记录的实例',
  container_unrecorded: '容器 {container} 不属于任何有记录的实例',
  look_and_remove_old: '查看它是什么（{look}）并执行 {remove}；记录可能是旧的副本',
  railway_no_image: '它没有镜像，无法启动',
  railway_image: 'Railway 无法拉取它的镜像 {image}，因为名称中没有仓库',
  railway_rename: '在 Railway 控制台的服务设置中把名称改回 {name}',
  railway_no_serverless: '在 Railway 控制台的服务设置中关闭 serverless',
  push_and_name_image: '把它推送到镜像仓库（原生镜像由 deploy/Dockerfile 构建），再依次执行 {again}',
  railway_client: '客户端 railway {version} 已登录',
  railway_no_client: '无法启动、停止或查看 Railway 上的实例：{reason}',
  railway_no_model: '它没有自己的提供商密钥，而在 Railway 上无法访问本机的 LLM Gateway',
  railway_give_key: '在 {path} 中写入 OPENAI_API_KEY=…（以及 OPENAI_BASE_URL=…）或其他提供商的变量，再重启它',
  either: '{one}，或 {other}',
  one_then_other: '先 {one}，再 {other}',
  directory_gone: '它的目录 {path} 不见了',
  put_back_or_init: '从备份恢复，或重新生成空文件：{command}',
  no_directory: '{path} 不是目录',
  put_directory_there: '请放回目录本身，链接不会被跟随',
  config_broken: '{file}:{line}:{column}：{message}',
  config_missing: '缺少 {file}',
  config_unreadable: '无法读取 {file}：{reason}',
  creation_cut_off: '{path} 是一次中断的创建留下的',
  next_up_settles: '下次 creel up 会处理',
  runs_unrecorded: '进程 {pid} 在 {path} 中运行，而它不属于任何有记录的实例',
  look_and_end: '查看它是什么（{command}）并结束它；记录可能属于另一个目录，或是旧的副本',
  data_kept: '保留着已删除实例的数据：{instances}',
  purge: '{command} 可删除不再需要的',
}

/** `english` is what the server says. */
export function findingWords(english: string, said: Sentence | undefined, locale: Locale): string {
  return (locale === 'zh' && said && words(said)) || english
}

function words({ code, arguments: given = {} }: Sentence): string | undefined {
  const { feature } = given
  if (typeof feature === 'string') return featureWords(feature, code === 'feature')
  return CHINESE[code]?.replace(/\{(\w+)\}/g, (_, name: string) => argument(given[name]))
}

function argument(value: SentenceArgument | undefined): string {
  if (Array.isArray(value)) return value.map(argument).join('、')
  if (value !== null && typeof value === 'object') return words(value) ?? value.code
  // A reason is a sentence that instances have too.
  return conditionWords(String(value ?? ''), 'zh')
}
