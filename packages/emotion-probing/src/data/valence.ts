/**
 * Mean valence of emotion words, −4 (most negative) to +4, from ten human ratings of each word: the entries of the VADER
 * lexicon (Copyright (c) 2016 C.J. Hutto, MIT licence; Hutto and Gilbert 2014, VADER: A parsimonious rule-based model for
 * sentiment analysis of social media text) for emotion labels of GoEmotions. `curiosity` is rated as `curious`; the lexicon has
 * neither `disapproval` nor `realization`.
 */
export const valence: Readonly<Record<string, number>> = {
  admiration: 2.5,
  amusement: 1.5,
  anger: -2.7,
  annoyance: -1.3,
  approval: 2.1,
  caring: 2.2,
  confusion: -1.2,
  curiosity: 1.3,
  desire: 1.7,
  disappointment: -2.3,
  disgust: -2.9,
  embarrassment: -1.9,
  excitement: 2.2,
  fear: -2.2,
  gratitude: 2.3,
  grief: -2.2,
  joy: 2.8,
  love: 3.2,
  nervousness: -1.2,
  optimism: 2.5,
  pride: 1.4,
  relief: 2.1,
  remorse: -1.1,
  sadness: -1.9,
  surprise: 1.1,
};
