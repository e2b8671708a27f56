import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

export default tseslint.config(tseslint.configs.recommended, {
  files: ['src/**/*.{ts,tsx}'],
  plugins: { 'react-hooks': hooks },
  rules: {
    ...hooks.configs.recommended.rules,
    // A model's revision stands for its content.
    'react-hooks/exhaustive-deps': 'off',
    '@typescript-eslint/naming-convention': [
      'error',
      { selector: 'interface', format: ['PascalCase'], prefix: ['I'] }
    ],
    '@typescript-eslint/no-non-null-assertion': 'off',
    // A token and its interface share a name, as in JupyterLab.
    '@typescript-eslint/no-redeclare': 'off'
  }
});
