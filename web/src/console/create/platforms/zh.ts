/** 各平台后台中的名称与位置，以平台自己的页面为准。 */
import type { PlatformWords } from './words'

export const zh: Record<string, PlatformWords> = {
  feishu: {
    name: '飞书',
    about:
      '在开发者后台创建企业自建应用，添加“机器人”能力；在“权限管理”中开通收发消息的权限。实例运行后，在“事件与回调”中选择使用长连接接收事件（飞书只在已建立连接时才允许保存），并添加事件 im.message.receive_v1；最后发布版本。',
    site: 'https://open.feishu.cn/app',
    fields: {
      appId: { label: 'App ID', where: '应用 → 凭证与基础信息，以 cli_ 开头。' },
      appSecret: { label: 'App Secret', where: '在 App ID 旁边。' },
      domain: { label: '域', where: '在 open.larksuite.com 创建的应用填 lark。' },
    },
  },
  dingtalk: {
    name: '钉钉',
    about: '在开发者后台创建企业内部应用，添加“机器人”能力，消息接收模式选 Stream 模式，然后发布版本。',
    site: 'https://open-dev.dingtalk.com',
    fields: {
      clientId: { label: 'Client ID', where: '应用 → 凭证与基础信息，原名 AppKey。' },
      clientSecret: { label: 'Client Secret', where: '在 Client ID 旁边，原名 AppSecret。' },
    },
  },
  wecom: {
    name: '企业微信',
    about:
      '在管理后台的“应用管理 → 自建”中创建应用。要接收消息，可设置 API 接收（填写下面的 Token 和密钥），或创建智能机器人（填写下面的 Bot ID 和密钥）。还需把本机的出口地址加入该应用的“企业可信IP”。',
    site: 'https://work.weixin.qq.com/wework_admin/frame',
    fields: {
      corpId: { label: '企业 ID', where: '我的企业 → 企业信息，在页面底部，以 ww 开头。' },
      agentId: { label: 'AgentId', where: '应用管理 → 该应用，是一个数字。' },
      secret: { label: 'Secret', where: '在 AgentId 旁边：点“查看”，会发送到手机上的企业微信。' },
      token: { label: 'Token', where: '该应用 → 接收消息 → 设置 API 接收。' },
      encodingAESKey: { label: 'EncodingAESKey', where: '在 Token 下面，43 个字母和数字。' },
      botId: {
        label: 'Bot ID',
        where: '安全与管理 → 管理工具 → 智能机器人 → 该机器人，以 API 模式、长连接方式创建。',
      },
      botSecret: { label: '机器人 Secret', where: '在 Bot ID 旁边。' },
    },
  },
  telegram: {
    name: 'Telegram',
    about: '在 Telegram 中向 @BotFather 发送 /newbot，并回答它的问题。',
    site: 'https://t.me/BotFather',
    fields: {
      botToken: {
        label: 'Bot token',
        where:
          '在 @BotFather 的回复里，/token 可再次查看。只能给一个实例：两个实例共用一个机器人会互相抢消息。',
      },
    },
  },
  discord: {
    name: 'Discord',
    about:
      '在开发者门户创建应用。在 Bot 页打开 Message Content Intent；在 OAuth2 页生成 scope 为 bot 的链接，打开它把机器人邀请进你的服务器。',
    site: 'https://discord.com/developers/applications',
    fields: { token: { label: 'Bot token', where: '应用 → Bot → Reset Token，只显示一次。' } },
  },
  slack: {
    name: 'Slack',
    about:
      '创建应用，打开 Socket Mode，添加机器人 scope chat:write，订阅机器人事件 message.im 和 app_mention，并安装到你的工作区。',
    site: 'https://api.slack.com/apps',
    fields: {
      botToken: {
        label: 'Bot token',
        where: '应用 → OAuth & Permissions → Bot User OAuth Token，以 xoxb- 开头。',
      },
      appToken: {
        label: 'App token',
        where: 'Basic Information → App-Level Tokens，scope 为 connections:write，以 xapp- 开头。',
      },
    },
  },
  whatsapp: {
    name: 'WhatsApp',
    about:
      '这里无需填写。实例运行后，打开它自己的页面，在 Settings → Channels → WhatsApp 下点 Show QR，再用手机扫码：设置 → 已关联的设备。',
    fields: {},
  },
  webchat: { name: '网页对话', about: '每个实例在自己的地址上都有网页对话，无需设置。', fields: {} },
}
