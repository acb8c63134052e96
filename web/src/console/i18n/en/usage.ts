/** Usage. */

export const usage = {
  usage: {
    title: 'Usage',
    about: 'Days and hours are UTC.',
    from: 'From',
    until: 'Until',
    user: 'Of one user',
    everyone: 'everyone',
    lastDays: '{days} days',
    today: 'Today',
    badRange: 'The range begins before it ends, and both are days.',
    credits: 'Credits',
    tokens: 'Tokens',
    calls: 'Calls',
    failed: 'Failed',
    ended: 'Ended well',
    input: 'Input tokens',
    output: 'Output tokens',
    show: 'What is shown',
    overTime: 'Over time',
    breakdown: 'Who and what',
    by: { user: 'User', model: 'Model', instance: 'Instance', provider: 'Provider' },
    nobody: '(nobody)',
    csv: 'CSV',
    csvOf: '{title} as CSV',
    more: 'The first {shown} of {total}. The CSV has all of them.',
    emptyTitle: 'Nothing was used in these days',
    emptyText:
      'Usage is what goes through the LLM Gateway, where instances ask models: a call to {path} with a virtual key is counted when it ends, with its tokens and what they cost. It shows here a few seconds later.',
    emptyAction: 'Set up the LLM Gateway',
  },
}
