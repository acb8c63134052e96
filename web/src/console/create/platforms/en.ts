/**
 * Places and names are those of the platforms' own pages: open.feishu.cn, open-dev.dingtalk.com, work.weixin.qq.com, core.telegram.org/bots,
 * discord.com/developers/docs, docs.slack.dev (Socket Mode), faq.whatsapp.com (linked devices).
 */
import type { PlatformWords } from './words'

export const en: Record<string, PlatformWords> = {
  feishu: {
    name: 'Feishu',
    about:
      'In the developer console, make a custom app and add the Bot capability. Under Permissions & Scopes allow it to read and send messages. Once the instance runs, choose the persistent connection under Events & Callbacks (Feishu saves that only while something is connected) and add the event im.message.receive_v1. Then publish a version.',
    site: 'https://open.feishu.cn/app',
    fields: {
      appId: { label: 'App ID', where: 'The app → Credentials & Basic Info. Begins with cli_.' },
      appSecret: { label: 'App Secret', where: 'Beside the App ID.' },
      domain: { label: 'Domain', where: 'lark for an app made at open.larksuite.com.' },
    },
  },
  dingtalk: {
    name: 'DingTalk',
    about:
      'In the developer console, make an internal app and add the Robot capability with Stream mode for its messages. Then publish a version.',
    site: 'https://open-dev.dingtalk.com',
    fields: {
      clientId: {
        label: 'Client ID',
        where: 'The app → Credentials & Basic Information; it was once called AppKey.',
      },
      clientSecret: { label: 'Client Secret', where: 'Beside the Client ID; it was once called AppSecret.' },
    },
  },
  wecom: {
    name: 'WeCom',
    about:
      'In the admin console, make an app under App Management → Self-built. To receive messages, either set its API receiver (token and key below), or make an AI bot (its id and secret below). The address of this host has to be among the app’s trusted IPs.',
    site: 'https://work.weixin.qq.com/wework_admin/frame',
    fields: {
      corpId: { label: 'Corp ID', where: 'My Company → Company Information, at the bottom. Begins with ww.' },
      agentId: { label: 'Agent ID', where: 'App Management → the app. A number.' },
      secret: {
        label: 'Secret',
        where: 'Beside the Agent ID: View sends it to the WeCom app on your phone.',
      },
      token: { label: 'Token', where: 'The app → Receive Messages → Set API Receiver.' },
      encodingAESKey: { label: 'EncodingAESKey', where: 'Below the token there. 43 letters and digits.' },
      botId: {
        label: 'Bot ID',
        where:
          'Security & Management → Management Tools → AI bots → the bot, made in API mode with a long connection.',
      },
      botSecret: { label: 'Bot secret', where: 'Beside the Bot ID.' },
    },
  },
  telegram: {
    name: 'Telegram',
    about: 'In Telegram, write /newbot to @BotFather and answer what it asks.',
    site: 'https://t.me/BotFather',
    fields: {
      botToken: {
        label: 'Bot token',
        where:
          'In @BotFather’s answer; /token shows it again. One instance only: two on one bot take each other’s messages.',
      },
    },
  },
  discord: {
    name: 'Discord',
    about:
      'In the developer portal, make an application. Under Bot switch on Message Content Intent; under OAuth2 make an address with the scope bot, and open it to invite the bot to your server.',
    site: 'https://discord.com/developers/applications',
    fields: { token: { label: 'Bot token', where: 'The application → Bot → Reset Token. Shown once.' } },
  },
  slack: {
    name: 'Slack',
    about:
      'Make an app, switch on Socket Mode, add the bot scope chat:write, subscribe to the bot events message.im and app_mention, and install it to your workspace.',
    site: 'https://api.slack.com/apps',
    fields: {
      botToken: {
        label: 'Bot token',
        where: 'The app → OAuth & Permissions → Bot User OAuth Token. Begins with xoxb-.',
      },
      appToken: {
        label: 'App token',
        where: 'Basic Information → App-Level Tokens, with the scope connections:write. Begins with xapp-.',
      },
    },
  },
  whatsapp: {
    name: 'WhatsApp',
    about:
      'Nothing is filled in here. Once the instance runs, open its own page, press Show QR under Settings → Channels → WhatsApp, and scan the code with the phone: Settings → Linked devices.',
    fields: {},
  },
  webchat: {
    name: 'Web chat',
    about: 'Every instance has its own page for that at its address; there is nothing to set up.',
    fields: {},
  },
}
